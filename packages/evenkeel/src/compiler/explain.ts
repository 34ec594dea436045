/** A plan as a table that a person can read: kernels with their bytes, flops, and why they were not fused further. */
import type { Kernel, Plan } from './plan.ts';

export function explain(plan: Plan): string {
  const rows = plan.kernels.map((k, i) => [String(i), k.name, nestsOf(k), bytes(k.bytesRead), bytes(k.bytesWritten), count(k.flops)]);
  const head = ['#', 'kernel', 'nests', 'read', 'written', 'flops'];
  const widths = head.map((h, c) => Math.min(60, Math.max(h.length, ...rows.map((r) => r[c].length))));
  const line = (cells: readonly string[]): string => cells.map((cell, c) => (cell.length > widths[c] ? `${cell.slice(0, widths[c] - 1)}…` : cell.padEnd(widths[c]))).join('  ').trimEnd();
  const out = [line(head), line(widths.map((w) => '-'.repeat(w)))];
  plan.kernels.forEach((k, i) => {
    out.push(line(rows[i]));
    for (const note of k.notes) out.push(`     not fused: ${note}`);
  });
  const total = (of: (k: Kernel) => number): number => plan.kernels.reduce((n, k) => n + of(k), 0);
  out.push(`${plan.kernels.length} kernels, ${bytes(total((k) => k.bytesRead))} read, ${bytes(total((k) => k.bytesWritten))} written, ${count(total((k) => k.flops))} flops, arena ${bytes(plan.arenaBytes)}`);
  return out.join('\n');
}

function nestsOf(kernel: Kernel): string {
  return kernel.phases.map((p) => p.map((n) => n.kind).join('+')).join(' ; ');
}

function bytes(n: number): string {
  if (n >= 1 << 20) return `${(n / (1 << 20)).toFixed(2)} MiB`;
  return n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n} B`;
}

function count(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(2)} G`;
  return n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : String(n);
}
