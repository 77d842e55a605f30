/**
 * The strokes of handwritten digits: a few variants per digit, a few strokes per variant.
 *
 * Coordinates are in hundredths of the digit's height, x to the right, y downwards:
 *
 *   (0, 0) ──────── (60, 0)
 *     │                │
 *   (0, 100) ───── (60, 100)
 */

/** Points x₀, y₀, x₁, y₁, …, joined by straight lines, or by a smooth curve if `smooth`. */
export interface Stroke {
  readonly smooth: boolean;
  readonly points: readonly number[];
}

const curve = (...points: number[]): Stroke => ({ smooth: true, points });
const line = (...points: number[]): Stroke => ({ smooth: false, points });

/** `DIGIT_STROKES[digit][variant]` is a list of strokes. */
export const DIGIT_STROKES: readonly (readonly (readonly Stroke[])[])[] = [
  // 0: an oval; a slim one; one that is closed with a loop on top
  [
    [curve(32, 0, 12, 12, 2, 45, 8, 82, 28, 100, 50, 86, 59, 50, 50, 12, 32, 0)],
    [curve(34, 2, 20, 14, 12, 50, 18, 86, 30, 100, 42, 86, 48, 50, 44, 14, 34, 2)],
    [curve(44, 8, 22, 6, 4, 36, 4, 72, 22, 98, 46, 90, 60, 54, 52, 18, 34, 4, 26, 10)],
  ],
  // 1: a bar; with a flag; with a flag and a foot
  [
    [line(30, 0, 30, 100)],
    [line(12, 22, 32, 0, 32, 100)],
    [line(14, 20, 32, 0, 32, 100), line(10, 100, 54, 100)],
  ],
  // 2: a straight foot; a loop at the corner; a flat, angular one
  [
    [curve(4, 22, 14, 4, 34, 0, 52, 12, 52, 34, 34, 62, 4, 98), line(4, 98, 58, 98)],
    [curve(6, 18, 22, 2, 44, 4, 52, 24, 42, 54, 18, 88, 4, 96, 8, 80, 26, 84, 44, 96, 60, 92)],
    [curve(2, 14, 22, 4, 46, 8, 50, 32, 30, 66, 6, 94), curve(6, 94, 24, 88, 44, 94, 60, 90)],
  ],
  // 3: two bows; a flat top; two bows with a small loop between
  [
    [
      curve(6, 12, 24, 0, 46, 6, 50, 26, 38, 42, 22, 46),
      curve(22, 46, 46, 52, 56, 72, 44, 94, 20, 100, 2, 88),
    ],
    [line(6, 2, 52, 2, 26, 40), curve(26, 40, 50, 48, 58, 70, 44, 94, 20, 100, 4, 90)],
    [curve(8, 8, 32, 0, 48, 16, 38, 38, 18, 46, 24, 52, 46, 54, 54, 76, 36, 98, 4, 92)],
  ],
  // 4: open; closed; open with a bent arm
  [
    [line(10, 4, 4, 54, 56, 50), line(48, 0, 44, 100)],
    [line(42, 100, 46, 0, 0, 62, 60, 60)],
    [curve(12, 4, 6, 28, 6, 48, 24, 54, 48, 48), curve(52, 4, 48, 36, 44, 66, 42, 100)],
  ],
  // 5: neck, bow and a roof; the same in one go; a slanted one
  [
    [line(54, 2, 14, 2, 10, 42), curve(10, 42, 34, 36, 54, 52, 54, 80, 34, 99, 4, 92)],
    [curve(12, 4, 8, 40, 32, 40, 52, 58, 46, 88, 22, 100, 2, 88), line(12, 4, 56, 2)],
    [line(58, 0, 24, 6, 14, 46), curve(14, 46, 36, 44, 46, 62, 38, 90, 16, 99, 0, 90)],
  ],
  // 6: a long neck; a curled one; an upright, slim one
  [
    [curve(46, 0, 22, 24, 6, 60, 10, 90, 30, 100, 50, 88, 52, 66, 36, 54, 16, 64, 10, 82)],
    [curve(52, 8, 34, 2, 12, 30, 4, 66, 16, 96, 42, 96, 54, 74, 42, 56, 20, 60, 8, 76)],
    [curve(30, 0, 16, 32, 10, 72, 20, 98, 38, 94, 44, 74, 34, 60, 16, 72)],
  ],
  // 7: plain; crossed; with a serif and a bent leg
  [
    [line(4, 4, 56, 4, 22, 100)],
    [line(4, 4, 56, 2, 26, 100), line(16, 52, 56, 48)],
    [line(4, 18, 6, 4), curve(6, 4, 30, 8, 56, 2), curve(56, 2, 38, 38, 28, 68, 26, 100)],
  ],
  // 8: one figure; two rings; a narrow slanted figure
  [
    [
      curve(52, 10, 30, 0, 10, 14, 16, 36, 36, 50, 52, 72, 40, 96, 18, 98, 6, 80, 20, 58),
      curve(20, 58, 40, 42, 54, 22, 52, 10),
    ],
    [
      curve(30, 0, 12, 10, 12, 34, 30, 46, 48, 34, 48, 10, 30, 0),
      curve(30, 46, 8, 60, 6, 86, 30, 100, 54, 86, 52, 60, 30, 46),
    ],
    [
      curve(54, 4, 34, 2, 24, 22, 32, 44, 38, 68, 28, 94, 12, 96, 8, 80, 22, 60, 42, 38),
      curve(42, 38, 54, 22, 54, 4),
    ],
  ],
  // 9: a ring and a straight leg; a curled leg; a ring that is left open
  [
    [curve(50, 14, 30, 0, 8, 12, 6, 36, 26, 48, 46, 36, 52, 12), line(52, 12, 46, 100)],
    [curve(50, 18, 36, 0, 12, 8, 8, 36, 26, 50, 46, 36, 52, 10, 52, 56, 40, 94, 12, 96)],
    [curve(52, 6, 24, 4, 6, 26, 16, 46, 40, 42, 54, 8), curve(54, 8, 42, 56, 30, 100)],
  ],
];
