/** The plain backend: kernels interpreted number by number in JavaScript. Slow, short, and the model for new backends. */
export { plain } from './device.ts';
