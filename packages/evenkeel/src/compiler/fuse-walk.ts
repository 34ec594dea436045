/** A group whose rows are reduced and used again at once: layer norm, softmax, and their gradients. */
import type { Expr } from '../scalar/index.ts';
import { flatPosition, product } from './flat.ts';
import type { Fused } from './fuse-loops.ts';
import type { Member } from './group.ts';
import type { Accumulation, FinishNest, Reduction, Stage, WalkNest } from './nest.ts';
import { refsRead } from './overwrite.ts';
import type { Phase } from './plan.ts';
import { visit } from './rewrite.ts';

const MAX_WALK_CHUNKS = 32;

export function walkNests(fused: Fused): Phase[] {
  const { group } = fused;
  const rows = fused.rowVars();
  const cols = group.vars.filter((_, p) => group.cols!.includes(p));
  const rowReduces = group.members.filter((m) => m.reduce === 'row');
  const rowReductions = [...new Set(rowReduces.map((m) => fused.reduction(m)))];
  const levels = stageLevels(rowReductions);
  const stageOf = (e: Expr): number => Math.max(0, ...localNames(e).map((name) => levels.get(name) ?? 0));
  const accumulating = group.members.filter((m) => m.reduce === 'accumulate');
  const chunks = accumulating.length > 0 ? Math.min(MAX_WALK_CHUNKS, product(rows)) : product(rows);
  const accumulations = accumulating.map((m) => accumulation(m, fused, chunks));
  const count = Math.max(0, ...levels.values()) + 1;
  const atRow = (m: Member): boolean => m.level === 'row' || m.reduce === 'row';
  const writeStage = storeStages(group.members.filter((m) => m.reduce !== 'row').map((m) => ({ member: m, value: fused.value(m), stage: stageOf(fused.value(m)) })),
    rowReductions.map((r) => ({ value: r.value, stage: levels.get(r.name)! })));
  const stages: Stage[] = Array.from({ length: count }, (_, s) => ({
    reductions: rowReductions.filter((r) => levels.get(r.name) === s),
    stores: fused.stores(group.members.filter((m) => m.level === 'element' && !m.reduce && writeStage.get(m) === s)),
    accumulate: indicesWhere(accumulating, (m) => m.level === 'element' && stageOf(fused.value(m)) === s),
    rowStores: fused.stores(group.members.filter((m) => atRow(m) && m.reduce !== 'accumulate' && stageOf(fused.result(m)) === s)),
    rowAccumulate: indicesWhere(accumulating, (m) => m.level === 'row' && stageOf(fused.value(m)) === s),
  }));
  const walk: WalkNest = { kind: 'walk', rows, cols, stages, accumulations, chunks };
  const finishes = finishNests(accumulating, accumulations, fused, chunks);
  return finishes.length > 0 ? [[walk], finishes] : [[walk]];
}

/** Stage s holds the reductions whose inputs need the results of s - 1. */
function stageLevels(reductions: readonly Reduction[]): Map<string, number> {
  const levels = new Map<string, number>();
  const byName = new Map(reductions.map((r) => [r.name, r]));
  const level = (r: Reduction): number => {
    const known = levels.get(r.name);
    if (known !== undefined) return known;
    const below = localNames(r.value).map((name) => byName.get(name)).filter((x) => x !== undefined);
    const mine = below.length === 0 ? 0 : 1 + Math.max(...below.map(level));
    levels.set(r.name, mine);
    return mine;
  };
  reductions.forEach(level);
  return levels;
}

/** An expression, and the stage that computes it at the earliest. */
interface Reading { readonly value: Expr; readonly stage: number }

/** The stage that stores each member. A ref is not overwritten before the last stage that reads it, and a store that waits reads late itself. */
function storeStages(members: readonly (Reading & { readonly member: Member })[], reductions: readonly Reading[]): Map<Member, number> {
  const stages = new Map(members.map(({ member, stage }) => [member, stage]));
  const lastRead = new Map<object, number>();
  const read = (value: Expr, stage: number): void => { for (const ref of refsRead([value])) lastRead.set(ref, Math.max(stage, lastRead.get(ref) ?? 0)); };
  for (const { value, stage } of reductions) read(value, stage);
  for (let moved = true; moved;) {
    moved = false;
    for (const { member, value } of members) read(value, stages.get(member)!);
    for (const { member: { task: { buffer } }, member } of members) {
      const stage = buffer.renewed ? lastRead.get(buffer.ref!) ?? 0 : 0;
      if (stage <= stages.get(member)!) continue;
      stages.set(member, stage);
      moved = true;
    }
  }
  return stages;
}

function localNames(e: Expr): string[] {
  const names: string[] = [];
  visit([e], (x) => { if (x.kind === 'local') names.push(x.name.split('.')[0]); });
  return names;
}

function indicesWhere(members: readonly Member[], test: (m: Member) => boolean): number[] {
  return members.map((_, i) => i).filter((i) => test(members[i]));
}

function accumulation(m: Member, fused: Fused, chunks: number): Accumulation {
  const partial = fused.context.scratch('partial', chunks * product(m.kept));
  return { reduction: fused.reduction(m), ix: m.store, kept: m.kept, partial };
}

/** One finish nest for all accumulations over the same indices, with the finish-level members over them. */
function finishNests(members: readonly Member[], accumulations: readonly Accumulation[], fused: Fused, chunks: number): FinishNest[] {
  const nests: FinishNest[] = [];
  members.forEach((first, i) => {
    if (members.findIndex((m) => sameKept(m, first)) !== i) return;
    const together = members.filter((m) => sameKept(m, first));
    const kept = product(first.kept);
    const inputs = together.map((m) => {
      const { reduction, partial } = accumulations[members.indexOf(m)];
      return { reduction, partial, ix: flatPosition(first.kept), wordStride: kept, chunkStride: kept };
    });
    const here = fused.group.members.filter((o) => together.includes(o) || (o.level === 'finish' && sameKept(o, first)));
    nests.push({ kind: 'finish', vars: first.kept, inputs, chunks, pieces: product(fused.rowVars()), perPiece: 1, total: product(fused.rowVars()), stores: fused.stores(here) });
  });
  return nests;
}

function sameKept(a: Member, b: Member): boolean {
  return a.kept.length === b.kept.length && a.kept.every((v, i) => v.key === b.kept[i].key);
}
