/** The same values in another order: how one framework's array becomes another's, and back. */
import { allocate, sizeOf } from '../base/index.ts';
import type { Shape } from '../base/index.ts';
import type { SavedTensor } from '../train/index.ts';

/** A change of order that can be undone. */
export interface Layout {
  read(theirs: SavedTensor): SavedTensor;
  write(own: SavedTensor): SavedTensor;
}

/** No change. */
export const same: Layout = { read: (theirs) => theirs, write: (own) => own };

/** Own axis i is their axis `order[i]`. */
export function permuted(...order: readonly number[]): Layout {
  const back = order.map((_, i) => order.indexOf(i));
  return { read: (theirs) => transpose(theirs, order), write: (own) => transpose(own, back) };
}

/** Another shape, the same order in memory. */
export function reshaped(theirs: Shape, own: Shape): Layout {
  return { read: (tensor) => ({ ...tensor, shape: own }), write: (tensor) => ({ ...tensor, shape: theirs }) };
}

/** From theirs to own through several layouts. */
export function chain(...layouts: readonly Layout[]): Layout {
  return {
    read: (theirs) => layouts.reduce((tensor, layout) => layout.read(tensor), theirs),
    write: (own) => layouts.reduceRight((tensor, layout) => layout.write(tensor), own),
  };
}

/**
 * The first axis counts the values of flattened maps: theirs channels first, (c, h, w), ours channels last, (h, w, c).
 * @param map shape of the map in our layout; undefined where nothing was flattened
 */
export function unflattened(map: Shape | undefined, own: Shape): Layout {
  if (!map || map.length < 2 || sizeOf(map) !== own[0]) return same;
  const rest = own.slice(1);
  const [spatial, channels] = [map.slice(0, -1), map.slice(-1)];
  const axes = spatial.map((_, i) => i + 1);
  const turned = permuted(...axes, 0, ...rest.map((_, i) => map.length + i));
  return chain(reshaped([own[0], ...rest], [...channels, ...spatial, ...rest]), turned, reshaped([...map, ...rest], own));
}

/** @param order which axis of x becomes axis i */
export function transpose(x: SavedTensor, order: readonly number[]): SavedTensor {
  const shape = order.map((axis) => x.shape[axis]);
  const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
  return { dtype: x.dtype, shape, data: gather(x, shape, order.map((axis) => strides[axis])) };
}

/** Values of a view: element [i, j, ...] lies at offset + i * strides[0] + j * strides[1] + ... */
export function gather({ dtype, data }: SavedTensor, shape: Shape, strides: readonly number[], offset = 0): SavedTensor['data'] {
  const result = allocate(dtype, sizeOf(shape));
  const index = shape.map(() => 0);
  for (let flat = 0, at = offset; flat < result.length; flat++) {
    result[flat] = data[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return result;
}
