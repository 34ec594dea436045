/** Trains a small convolutional network with batch normalization on MNIST. Run: npm run example examples/mnist-cnn.ts */
import { Adam, fit, mnist, nn } from 'evenkeel';

const model = nn.sequential({ input: [28, 28, 1] },
  nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));

await fit(model, mnist.train(), {
  loss: 'crossEntropy', optimizer: new Adam({ rate: 1e-3 }), metrics: ['accuracy'],
  epochs: 2, batchSize: 128, validation: mnist.test(),
});
