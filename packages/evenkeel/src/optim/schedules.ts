/** How the step size changes over a training run: a factor of the optimizer's rate, by the share of all steps that is done. */

/** @param progress share of the steps done, 0 before the first; below 1 @returns factor of the rate, 0 or more */
export type Schedule = (progress: number) => number;

/** Schedules by name. */
export const schedules = {
  /** The same rate all the time. */
  constant: () => 1,
  /** Falls evenly to 0 at the end: the noise of the last steps averages out, which a short run feels most (Defazio et al. 2023). */
  linear: (progress) => 1 - progress,
  /** Falls along half a cosine to 0 at the end (Loshchilov & Hutter 2017, eq. 5, one period). */
  cosine: (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)),
} as const satisfies Readonly<Record<string, Schedule>>;
