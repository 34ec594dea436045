import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { monoids, ops } from '../../../src/graph/index.ts';

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const filesOf = (folder: string): string[] =>
  readdirSync(new URL(`../../../src/graph/${folder}`, import.meta.url)).filter((file) => file !== 'index.ts').sort();

describe('ops and monoids', () => {
  it('are one file each, under their own names', () => {
    expect(Object.keys(ops).map((name) => `${kebab(name)}.ts`).sort()).toEqual(filesOf('ops'));
    expect(Object.keys(monoids).map((name) => `${name}.ts`).sort()).toEqual(filesOf('monoids'));
    for (const [name, op] of Object.entries(ops)) expect(op.name).toBe(name);
    for (const [name, monoid] of Object.entries(monoids)) expect(monoid.name).toBe(name);
  });

  it('lower if they are maps, views or wraps', () => {
    const unlowered = Object.values(ops).filter((op) => op.lower === undefined).map((op) => op.name);
    expect(unlowered).toEqual(['input', 'constant', 'ref', 'reduce', 'dot']);
  });
});
