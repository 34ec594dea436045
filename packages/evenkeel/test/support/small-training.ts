/** Training that system tests repeat: small networks, made data, every loss kept. */
import { Adam, compile, crossEntropy, nn } from '../../src/index.ts';
import type { Step } from '../../src/index.ts';
import { goldenBatch } from './golden-data.ts';

/** A step with the model that it trains. */
export interface Training {
  readonly model: nn.Sequential;
  readonly optimizer: Adam;
  readonly step: Step<'loss'>;
}

export interface Feeds {
  readonly x: { readonly data: Float32Array; readonly shape: readonly number[] };
  readonly y: Int32Array;
}

/** The layers of the first example. */
export function exampleLayers(): nn.Model[] {
  return [nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10)];
}

/** Layers on [12, 12, 1] whose steps take some tens of microseconds. */
export function tinyLayers(): nn.Model[] {
  return [nn.conv2d(4, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.dropout(0.25), nn.linear(10)];
}

/** Layers on [12, 12, 1] that compile fast. */
export function denseLayers(): nn.Model[] {
  return [nn.flatten(), nn.linear(8), nn.batchNorm(), nn.relu(), nn.dropout(0.25), nn.linear(10)];
}

/** The usual step: cross-entropy, Adam at 1e-3, the loss returned. */
export function trainingOf(input: readonly number[], layers: readonly nn.Model[], debug = false): Training {
  const model = nn.sequential({ input, seed: 3 }, ...layers);
  const optimizer = new Adam({ rate: 1e-3 });
  const step = compile('train', ({ x, y }) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss, model.params());
    return { loss };
  }, { debug });
  return { model, optimizer, step };
}

/** Made images of 28 x 28 with their labels; equal numbers give equal batches. */
export function images(number: number, batch: number): Feeds {
  const { x, y } = goldenBatch(number, batch);
  return { x: { data: x, shape: [batch, 28, 28, 1] }, y };
}

/** Images of 12 x 12. */
export function tinyImages(number: number, batch: number): Feeds {
  const { x, y } = goldenBatch(number, batch);
  return { x: { data: x.slice(0, batch * 144), shape: [batch, 12, 12, 1] }, y };
}

/** The losses of so many steps, over `batches` in turn. */
export async function lossesOf(step: Training['step'], batches: readonly Feeds[], steps: number): Promise<Float32Array> {
  const losses = new Float32Array(steps);
  for (let i = 0; i < steps; i++) losses[i] = (await step({ ...batches[i % batches.length] })).loss;
  return losses;
}

/** Every value that training changes, as words, so that two states can be compared bit for bit. */
export async function stateOf({ model, optimizer, step }: Training): Promise<Map<string, Uint32Array>> {
  const refs = [...model.namedParams(), ...model.namedBuffers(), ...optimizer.namedBuffers()].map(([name, ref]) => [name, ref.variable] as const);
  const state = new Map<string, Uint32Array>();
  for (const [name, variable] of [...refs, ['counter', step.counter] as const]) state.set(name, wordsOf(await variable.read()));
  return state;
}

/** The bits behind values of four bytes. */
export function wordsOf(data: ArrayBufferView): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}
