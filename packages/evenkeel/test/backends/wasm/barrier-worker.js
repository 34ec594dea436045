import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, thread } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.run(thread);
parentPort.postMessage('done');
