/** Something that must hold, and how it turned out. */
export interface Check {
  readonly claim: string;
  readonly holds: boolean;
  /** The figures that it was decided by. */
  readonly evidence: string;
}

export function checkLine({ claim, holds, evidence }: Check): string {
  return `${holds ? '✓' : '✗'} ${claim}: ${evidence}`;
}
