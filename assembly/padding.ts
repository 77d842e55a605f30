import { C, H, PH, PW, W } from './conv2d-sizes';

/** Copies `count` images of (H, W, C) with a border of zeros: PH rows and PW columns on each side. */
export function padImages(to: usize, images: usize, count: i32): void {
  const rowLength = 4 * W * C;
  const rowBytes = 4 * (W + 2 * PW) * C;
  memory.fill(to, 0, count * (H + 2 * PH) * rowBytes);
  for (let image = 0; image < count; image++) {
    to += PH * rowBytes;
    for (let h = 0; h < H; h++, to += rowBytes, images += rowLength) {
      memory.copy(to + 4 * PW * C, images, rowLength);
    }
    to += PH * rowBytes;
  }
}
