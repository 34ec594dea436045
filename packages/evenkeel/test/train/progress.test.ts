import { describe, expect, it } from 'vitest';
import { barLine, clock, createProgress, formatValue } from '../../src/train/progress.ts';
import type { Moment } from '../../src/train/progress.ts';

const at = (samples: number): Moment => ({ epoch: 1, epochs: 2, samples, total: 1000, seconds: samples / 100, values: { loss: 0.5, accuracy: 0.9 } });

function recorder(isTTY: boolean): { text: string; isTTY: boolean; write(part: string): void } {
  return { text: '', isTTY, write(part) { this.text += part; } };
}

describe('createProgress', () => {
  it('writes a line for every tenth of an epoch where there is no terminal', () => {
    const output = recorder(false);
    const progress = createProgress('auto', output);
    for (let samples = 20; samples <= 1000; samples += 20) progress.batch(at(samples));
    progress.epoch({ ...at(1000), values: { loss: 0.5, validationLoss: 0.6 } });
    const lines = output.text.trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toBe('epoch 1/2   10%  loss 0.5000  accuracy 0.9000  100 samples/s  0:09 left');
    expect(lines[9]).toBe('epoch 1/2  loss 0.5000  validation loss 0.6000  100 samples/s  10.0 s');
    expect(output.text).not.toContain('\x1b');
  });

  it('draws over one line on a terminal and keeps the summary', () => {
    const output = recorder(true);
    const progress = createProgress('auto', output);
    progress.batch(at(500));
    progress.batch(at(501));
    progress.epoch(at(1000));
    expect(output.text.split('\r')).toHaveLength(3);
    expect(output.text.endsWith('\x1b[2Kepoch 1/2  loss 0.5000  accuracy 0.9000  100 samples/s  10.0 s\n')).toBe(true);
  });

  it('can be silent', () => {
    const output = recorder(true);
    const progress = createProgress('silent', output);
    progress.batch(at(500));
    progress.epoch(at(1000));
    expect(output.text).toBe('');
  });
});

describe('barLine', () => {
  it('fits the terminal', () => {
    expect(barLine(at(500), 100)).toBe('epoch 1/2  ███████████████░░░░░░░░░░░░░░░  loss 0.5000  accuracy 0.9000  100 samples/s  0:05 left');
    expect(barLine(at(500), 68)).toBe('epoch 1/2  █████░░░░  loss 0.5000  accuracy 0.9000  100/s  0:05 left');
    expect(barLine(at(500), 40)).toHaveLength(40);
  });
});

describe('figures', () => {
  it('shows times and small values so that they can be read', () => {
    expect([clock(0), clock(83), clock(3723)]).toEqual(['0:00', '1:23', '1:02:03']);
    expect([formatValue(0.12345), formatValue(0.00002), formatValue(0), formatValue(NaN)]).toEqual(['0.1235', '2.00e-5', '0.0000', 'NaN']);
  });
});
