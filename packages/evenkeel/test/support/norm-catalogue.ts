/** What each normalization layer needs to be made and called in a test, when to use it, and where it comes from. */
import { Param, tensor } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

/** One exported layer. Whatever is not here is made without options, and described by its doc comments. */
export interface Entry {
  /** Options that it needs for 4 channels and batches of 6. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What a call gets besides the input (and a mask). */
  readonly call?: (x: Tensor) => Readonly<Record<string, unknown>>;
  /** A second input, in place of a call's options. */
  readonly companion?: (x: Tensor) => Tensor;
  /** One tensor of what it gives. */
  readonly output?: (y: never) => Tensor;
  /** What to say of its gradient if the paper wants another than the forward's; experiments see the first step alone. */
  readonly gradient?: string;
  readonly use: string;
  readonly source: string;
}

const labels = (x: Tensor, count: number = x.shape[0]): Tensor => tensor(Int32Array.from({ length: count }, (_, i) => (i * i) % 5 % 2), [count]);

/** The weight of some layer before, with 4 outputs. */
const before = new Param({ shape: [2, 4], name: 'weight', data: [1, 2, 3, 4, 5, 6, 7, 8] });

const BATCH: Readonly<Record<string, Entry>> = {
  batchNorm: { use: 'the default of convolutional networks with 16 samples or more at once; folds away at inference', source: 'Ioffe & Szegedy 2015, arXiv 1502.03167' },
  batchNorm1d: { use: 'batchNorm that refuses other ranks', source: 'as batchNorm' },
  batchNorm2d: { use: 'batchNorm that refuses other ranks', source: 'as batchNorm' },
  batchNorm3d: { use: 'batchNorm that refuses other ranks', source: 'as batchNorm' },
  accumulatedBatchNorm: { options: { microBatches: 2 }, use: 'a large batch that only fits in parts: gradient accumulation with the statistics of the whole', source: 'Chan, Golub & LeVeque 1983 for the merging' },
  batchRenorm: { use: 'small or sorted batches, when inference must stay that of batch normalization', source: 'Ioffe 2017, arXiv 1702.03275' },
  conditionalBatchNorm: { options: { classes: 2 }, call: (x) => ({ condition: labels(x) }), use: 'generators of GANs by class, anything steered by a label or vector', source: 'Dumoulin et al. 2017, arXiv 1610.07629; de Vries et al. 2017, arXiv 1707.00683' },
  crossIterationBatchNorm: { options: { weight: () => before }, use: 'detectors with few images at once: statistics of the last few steps, corrected for how the weights moved', source: 'Yao et al. 2021, arXiv 2002.05712' },
  decorrelatedBatchNorm: { options: { groupSize: 2 }, use: 'where correlated channels slow training, and the batch is far larger than a group', source: 'Huang et al. 2019, arXiv 1904.03441' },
  domainBatchNorm: { options: { domains: ['photos', 'sketches'] }, use: 'several domains in training, known for each sample', source: 'Chang et al. 2019, arXiv 1906.03950' },
  frozenBatchNorm: { use: 'fine-tuning a pretrained network with one or two images at once', source: 'He et al. 2017 (Mask R-CNN) and detectron2' },
  ghostBatchNorm: { options: { virtualBatchSize: 3 }, use: 'very large batches, to keep the noise of small ones', source: 'Hoffer et al. 2017, arXiv 1705.08741' },
  inPlaceBatchNorm: { use: 'when activations do not fit in memory: keeps its output alone', source: 'Rota Bulo et al. 2018, arXiv 1712.02616' },
  l1BatchNorm: { use: 'low precision: nothing is squared', source: 'Hoffer et al. 2018, arXiv 1803.01814' },
  movingAverageBatchNorm: { gradient: 'yes at first, later averaged over steps', use: 'batches of one or two, when inference must fold as that of batch normalization; center the weights', source: 'Yan et al. 2020, ICLR' },
  splitBatchNorm: { use: 'clean and adversarial (or otherwise augmented) samples in one batch', source: 'Xie et al. 2020, arXiv 1911.09665' },
  switchableNorm: { use: 'to let training choose between batch, instance and layer', source: 'Luo et al. 2019, arXiv 1806.10779' },
  syncBatchNorm: { use: 'several workers with few samples each', source: 'Peng et al. 2018 (MegDet); merged as Chan et al. 1983' },
  virtualBatchNorm: { options: { reference: 2 }, use: 'generators of GANs, so that samples do not depend on each other', source: 'Salimans et al. 2016, arXiv 1606.03498' },
  evoNormB0: { use: 'in place of batch normalization and ReLU, found by search', source: 'Liu et al. 2020, arXiv 2004.02967' },
};

const SAMPLE: Readonly<Record<string, Entry>> = {
  adaptiveInstanceNorm: { companion: (x) => x.mul(2).add(1), use: 'style transfer and generators: takes over mean and deviation of a style', source: 'Huang & Belongie 2017, arXiv 1703.06868' },
  dynamicTanh: { use: 'in place of layer normalization in transformers, where reductions cost; not in convolutional networks', source: 'Zhu et al. 2025, arXiv 2503.10622' },
  evoNormS0: { options: { groups: 2 }, use: 'in place of normalization and ReLU with small batches', source: 'Liu et al. 2020, arXiv 2004.02967' },
  filterResponseNorm: { use: 'convolutional networks at any batch size; warm the rate up', source: 'Singh & Krishnan 2020, arXiv 1911.09737' },
  thresholdedLinearUnit: { use: 'the activation behind filterResponseNorm', source: 'Singh & Krishnan 2020, section 3.2' },
  globalResponseNorm: { use: 'inside the wide part of ConvNeXt blocks: channels compete', source: 'Woo et al. 2023, arXiv 2301.00808' },
  groupNorm: { options: { groups: 2 }, use: 'images with fewer than 16 samples at once: detection, segmentation, video', source: 'Wu & He 2018, arXiv 1803.08494' },
  instanceNorm: { use: 'style transfer, images made from images; not for classification, it removes contrast', source: 'Ulyanov et al. 2016, arXiv 1607.08022' },
  layerNorm: { use: 'transformers, recurrent networks, reinforcement learning, batches of one', source: 'Ba et al. 2016, arXiv 1607.06450' },
  localResponseNorm: { use: 'to run AlexNet, GoogLeNet and their time', source: 'Krizhevsky et al. 2012' },
  pixelNorm: { use: 'generators of GANs', source: 'Karras et al. 2018, arXiv 1710.10196' },
  queryKeyNorm: { companion: (x) => x.mul(-0.5).add(0.3), output: ({ query, key }: { readonly query: Tensor; readonly key: Tensor }) => query.add(key.mul(0.7)), use: 'attention whose logits grow too large', source: 'Henry et al. 2020, arXiv 2010.04245; Dehghani et al. 2023, arXiv 2302.05442' },
  rmsNorm: { use: 'language models: layer normalization at less cost', source: 'Zhang & Sennrich 2019, arXiv 1910.07467' },
  spade: { options: { hidden: 3 }, companion: (x) => labels(x, 2 * x.shape[0] * x.shape[1] * x.shape[2]).cast('f32').reshape([...x.shape.slice(0, 3), 2]), use: 'images made from maps of labels', source: 'Park et al. 2019, arXiv 1903.07291' },
  unitNorm: { use: 'embeddings that are compared by their angle', source: 'as in face recognition and contrastive learning' },
};

const WEIGHT: Readonly<Record<string, Entry>> = {
  weightNorm: { use: 'networks without batch statistics: recurrent ones, reinforcement learning, generators', source: 'Salimans & Kingma 2016, arXiv 1602.07868' },
  spectralNorm: { use: 'discriminators of GANs, anything that must not stretch its input', source: 'Miyato et al. 2018, arXiv 1802.05957' },
  weightStandardization: { use: 'convolutions before groupNorm, with one or two images at once', source: 'Qiao et al. 2019, arXiv 1903.10520' },
  scaledWeightStandardization: { options: { activation: 'relu' }, use: 'residual networks without any normalization of activations, with clipAdaptive', source: 'Brock et al. 2021, arXiv 2101.08692 and 2102.06171' },
  weightCentering: { use: 'layers before a norm that does not center', source: 'Huang et al. 2017; Yan et al. 2020' },
};

/** Hooks for recurrent cells, which are no layers by themselves. */
const RECURRENT: Readonly<Record<string, Entry>> = {
  recurrentLayerNorm: { use: 'the practical choice inside LSTM and GRU cells', source: 'Ba et al. 2016, eq. 20 to 22' },
  recurrentBatchNorm: { options: { steps: 3 }, use: 'sequences of one length, with statistics for each step and scale 0.1', source: 'Cooijmans et al. 2017, arXiv 1603.09025' },
};

export const catalogue = { batch: BATCH, sample: SAMPLE, weight: WEIGHT, recurrent: RECURRENT } as const;
