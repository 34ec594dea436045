/**
 * Writes what TensorFlow.js saves, beside the files of interop.py: model.json, its weights in two shards, and the outputs of the network
 * in evaluation. Needs bench/node_modules: `npm --prefix bench ci --ignore-scripts && node tools/goldens/interop-tfjs.ts`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { goldenUniform } from '../../packages/evenkeel/test/support/golden-data.ts';

const tf = createRequire(new URL('../../bench/package.json', import.meta.url))('@tensorflow/tfjs');
const out = new URL('../../packages/evenkeel/test/goldens/interop/tfjs/', import.meta.url);
const values = (seed, shape, bound, offset = 0) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(goldenUniform(seed, size, bound).map( (value) => value + offset), shape);
};

await tf.setBackend('cpu');
const { layers } = tf;
const model = tf.sequential({ layers: [
  layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', inputShape: [5, 4, 3] }), layers.batchNormalization(), layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same' }),
  layers.batchNormalization({ scale: false }), layers.conv2dTranspose({ filters: 4, kernelSize: 4, strides: 2, padding: 'same', useBias: false }),
  layers.layerNormalization(), layers.maxPooling2d({ poolSize: 2 }), layers.flatten(), layers.batchNormalization({ center: false }), layers.dense({ units: 3 }),
] });
model.setWeights(model.getWeights().map((weight, i) => {
  const positive = /variance|gamma/.test(model.weights[i].name);
  return values(600 + i, weight.shape, 0.5, positive ? 1 : 0);
}));
const x = values(599, [2, 5, 4, 3], 1);
const y = model.predict(x);
mkdirSync(out, { recursive: true });
await model.save(tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
  const bytes = new Uint8Array(Array.isArray(weightData) ? await new Blob(weightData).arrayBuffer() : weightData);
  const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];
  // The cut goes through a tensor, as TensorFlow.js cuts at 4 MiB.
  [bytes.subarray(0, 1001), bytes.subarray(1001)].forEach((part, i) => writeFileSync(new URL(paths[i], out), part));
  const json = { format: 'layers-model', generatedBy: `TensorFlow.js tfjs-layers v${tf.version['tfjs-layers']}`, convertedBy: null, modelTopology, weightsManifest: [{ paths, weights: weightSpecs }] };
  writeFileSync(new URL('model.json', out), JSON.stringify(json));
  return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
}));
const kept = (tensor) => ({ shape: tensor.shape, data: Array.from(tensor.dataSync()) });
writeFileSync(new URL('outputs.json', out), `${JSON.stringify({ tfjs: { x: kept(x), y: kept(y) } })}\n`);
