/** The same network with the loops written out: a step that trains, a step that counts right answers. Run: npm run example examples/own-loop.ts */
import { Adam, compile, crossEntropy, loader, mnist, nn } from 'evenkeel';

const model = nn.sequential({ input: [28, 28, 1] },
  nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
const optimizer = new Adam({ rate: 1e-3 });

const train = compile('train', ({ x, y }) => {
  const loss = crossEntropy(model.forward(x), y);
  optimizer.minimize(loss, model.params());
  return { loss };
}, { mode: 'train' });

const test = compile('test', ({ x, y }) => ({ right: model.forward(x).argmax(-1).eq(y).cast('f32').sum() }), { mode: 'eval' });

const batches = loader(await mnist.train(), { batchSize: 128, shuffle: true });
const digits = await mnist.test();

for (let epoch = 0; epoch < 2; epoch++) {
  let total = 0;
  for await (const batch of batches) {
    const { loss } = await train(batch);
    total += loss;
  }
  let correct = 0;
  for await (const batch of loader(digits, { batchSize: 256 })) {
    const { right } = await test(batch);
    correct += right;
  }
  console.log(`epoch ${epoch + 1}: loss ${(total / batches.batches).toFixed(4)}, accuracy ${(correct / digits.length).toFixed(4)}`);
}
