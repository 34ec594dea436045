import { describe, expect, it } from 'vitest';
import { build, dense, evaluate } from '../../src/graph/index.ts';

describe('evaluate', () => {
  it('computes roots in their order', () => {
    const x = build.input(0, [2]);
    const [y, z] = evaluate([build.add(x, x), build.mul(x, x)], { input: () => dense([2], [2, 3]) });
    expect([...y.data, ...z.data]).toEqual([4, 6, 4, 9]);
  });

  it('visits every node once, operands first', () => {
    const x = build.full(2, []);
    const y = build.log(build.sub(x, x));
    const seen: string[] = [];
    evaluate([y, y, build.add(y, y)], {}, (node, value) => seen.push(`${node.op.name} ${value.data[0]}`));
    expect(seen).toEqual(['full 2', 'sub 0', 'log -Infinity', 'add -Infinity']);
  });

  it('does not overflow the stack on a long chain', () => {
    let y = build.full(0, []);
    for (let i = 0; i < 20000; i++) y = build.add(y, build.full(1, []));
    expect(evaluate([y])[0].data[0]).toBe(20000);
  });

  it('stays in f64, where f32 would lose the small part', () => {
    expect(evaluate([build.sub(build.full(1e8 + 1, []), build.full(1e8, []))])[0].data[0]).toBe(1);
  });
});
