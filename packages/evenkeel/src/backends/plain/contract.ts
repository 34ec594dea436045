/** Matrix products, one result after another. Packing is for speed only: both operands are read where they lie. */
import { chunkStart } from '../../compiler/index.ts';
import type { ContractNest } from '../../compiler/index.ts';
import { ix } from '../../scalar/index.ts';
import { Fold } from './fold.ts';
import { keeper } from './keeper.ts';
import type { Scope } from './scope.ts';

export function prepareContract(nest: ContractNest, scope: Scope): () => void {
  if (nest.splitK) return splitProduct(nest, scope);
  return nest.reductions.length > 0 ? withStatistics(nest, scope) : plainProduct(nest, scope);
}

/** The sum over k from `from` to `to` at the current batch, row and column. */
function summing(nest: ContractNest, scope: Scope): (from: number, to: number) => number {
  const [a, b, setK] = [scope.value(nest.a), scope.value(nest.b), scope.setter(nest.k.key)];
  return (from, to) => {
    let sum = 0;
    for (let k = from; k < to; k++) {
      setK(k);
      sum = Math.fround(sum + Math.fround(a() * b()));
    }
    return sum;
  };
}

function plainProduct(nest: ContractNest, scope: Scope): () => void {
  const [sum, setProduct, stores] = [summing(nest, scope), scope.setter('product.value'), scope.storing(nest.stores)];
  return scope.loops([nest.batch, nest.m, nest.n], () => {
    setProduct(sum(0, nest.k.size));
    stores();
  });
}

/** Statistics of every column over runs of row blocks: [chunks, words, n]. */
function withStatistics(nest: ContractNest, scope: Scope): () => void {
  const [sum, setProduct, stores] = [summing(nest, scope), scope.setter('product.value'), scope.storing(nest.stores)];
  const folds = nest.reductions.map((r) => new Fold(scope, r));
  const keep = keeper(nest.partial!, folds, ix.ixOf(nest.n), nest.n.size, scope);
  const [setBatch, setRow] = [scope.setter(nest.batch.key), scope.setter(nest.m.key)];
  const blocks = Math.ceil(nest.m.size / nest.block.m);
  const rows = (chunk: number): number => Math.min(nest.m.size, chunkStart(chunk, blocks, nest.chunks) * nest.block.m);
  return scope.loops([nest.n], () => {
    setBatch(0);
    for (let chunk = 0; chunk < nest.chunks; chunk++) {
      for (let row = rows(chunk); row < rows(chunk + 1); row++) {
        setRow(row);
        setProduct(sum(0, nest.k.size));
        if (row === rows(chunk)) for (const fold of folds) fold.start();
        for (const fold of folds) fold.step();
        stores();
      }
      keep(chunk);
    }
  });
}

/** Shares of k: [chunks, batch, m, n rounded up to whole tiles], and the sums of b's columns over them. */
function splitProduct(nest: ContractNest, scope: Scope): () => void {
  const width = nest.tile.vectors * nest.tile.lanes;
  const padded = Math.ceil(nest.n.size / width) * width;
  const blocks = Math.ceil(nest.k.size / nest.block.k);
  const start = (chunk: number): number => Math.min(nest.k.size, chunkStart(chunk, blocks, nest.chunks) * nest.block.k);
  const sum = summing(nest, scope);
  const partial = scope.view(nest.partial!, 'f32');
  const place = scope.index(ix.add(ix.scale(ix.add(ix.scale(ix.ixOf(nest.batch), nest.m.size), ix.ixOf(nest.m)), padded), ix.ixOf(nest.n)));
  const chunkSize = nest.batch.size * nest.m.size * padded;
  const products = scope.loops([nest.batch, nest.m, nest.n], () => {
    for (let chunk = 0; chunk < nest.chunks; chunk++) partial[chunk * chunkSize + place()] = sum(start(chunk), start(chunk + 1));
  });
  if (!nest.columnSums) return products;
  const sums = columnSums(nest, scope, start, padded);
  return () => {
    products();
    sums();
  };
}

function columnSums(nest: ContractNest, scope: Scope, start: (chunk: number) => number, padded: number): () => void {
  const target = scope.view(nest.columnSums!, 'f32');
  const [b, column] = [scope.value(nest.b), scope.index(ix.ixOf(nest.n))];
  const [setBatch, setK] = [scope.setter(nest.batch.key), scope.setter(nest.k.key)];
  return scope.loops([nest.n], () => {
    setBatch(0);
    for (let chunk = 0; chunk < nest.chunks; chunk++) {
      let sum = 0;
      for (let k = start(chunk); k < start(chunk + 1); k++) {
        setK(k);
        sum = Math.fround(sum + b());
      }
      target[chunk * padded + column()] = sum;
    }
  });
}
