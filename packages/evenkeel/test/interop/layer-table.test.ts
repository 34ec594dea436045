/** Rows 6.1.13 and 6.2.8: the table has the names that PyTorch and Keras save, in their order. */
import { describe, expect, test } from 'vitest';
import { nn } from '../../src/index.ts';
import { entryOf } from '../../src/interop/layer-table.ts';
import { refsOf } from '../../src/interop/slots.ts';
import { readGolden } from '../support/golden-data.ts';

interface States { readonly states: readonly { readonly name: string; readonly state: readonly (readonly [name: string, shape: readonly number[], more: unknown])[] }[] }
const place = { channels: 'first', flattened: undefined, parent: undefined } as const;

/** The layer of a case, with sizes. */
function layerOf(name: string, axes: number): nn.Model {
  const layers: Readonly<Record<string, nn.Model>> = {
    batchNorm: nn.batchNorm(), 'batchNorm without affine': nn.batchNorm({ scale: false, center: false }), 'batchNorm without scale': nn.batchNorm({ scale: false }),
    'batchNorm with renorm': nn.batchRenorm(), 'instanceNorm with running statistics': nn.instanceNorm({ running: true, scale: true, center: true }),
    groupNorm: nn.groupNorm({ groups: 3 }), layerNorm: nn.layerNorm({ axes: axes === 2 ? [1, 2] : -1 }), rmsNorm: nn.rmsNorm(),
  };
  layers[name].build([5, 3]);
  return layers[name];
}

describe.each([['norms-torch', 'torch'], ['norms-keras', 'keras']] as const)('%s', (file, side) => {
  test.each(readGolden<States>(file).states)('$name', ({ name, state }) => {
    const layer = layerOf(name, state[0][1].length);
    const entry = entryOf(layer, place)!;
    const parts = side === 'torch' ? entry.torch : entry.keras!.parts;
    const refs = refsOf(layer);
    const held = parts.filter(({ own }) => own.every((property) => refs.has(property)));
    expect(held.flatMap(({ theirs }) => theirs)).toEqual(state.map(([key]) => key));
    expect(held.flatMap(({ own }) => own.map((property) => refs.get(property)!.shape))).toEqual(state.filter(([key]) => key !== 'num_batches_tracked').map(([, shape]) => shape));
  });
});
