import { describe, expect, it } from 'vitest';
import { build, dense } from '../../../src/graph/index.ts';
import type { DotAttrs } from '../../../src/graph/index.ts';
import type { Shape } from '../../../src/base/index.ts';
import { apply, checkGradient, randomDense } from '../../support/check-op.ts';

describe('dot', () => {
  it('is the matrix product', () => {
    const y = apply((a, b) => build.dot(a, b, { batch: 0, contract: 1 }), [dense([2, 2], [1, 2, 3, 4]), dense([2, 2], [5, 6, 7, 8])]);
    expect(y).toEqual(dense([2, 2], [19, 22, 43, 50]));
  });

  const cases: readonly (readonly [DotAttrs, Shape, Shape, Shape])[] = [
    [{ batch: 0, contract: 1 }, [2, 3], [3, 4], [2, 4]],
    [{ batch: 0, contract: 1 }, [3], [3], []],
    [{ batch: 0, contract: 0 }, [2], [3], [2, 3]],
    [{ batch: 0, contract: 2 }, [2, 3, 2], [3, 2, 2], [2, 2]],
    [{ batch: 1, contract: 1 }, [2, 3, 2], [2, 2, 3], [2, 3, 3]],
    [{ batch: 2, contract: 1 }, [2, 1, 3], [2, 1, 3, 2, 2], [2, 1, 2, 2]],
    [{ batch: 1, contract: 1 }, [2, 2, 2, 3], [2, 3], [2, 2, 2]],
    [{ batch: 0, contract: 1 }, [2, 0], [0, 3], [2, 3]],
    [{ batch: 0, contract: 1 }, [0, 2], [2, 3], [0, 3]],
  ];
  it.each(cases)('with %o: %j by %j is %j', (attrs, a, b, shape) => {
    const inputs = [randomDense(a, -1, 1, 5), randomDense(b, -1, 1, 6)];
    const f = (x: Parameters<typeof build.dot>[0], y: typeof x) => build.dot(x, y, attrs);
    expect(apply(f, inputs).shape).toEqual(shape);
    checkGradient(f, inputs, { order: 2 });
  });
});
