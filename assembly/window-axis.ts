// Maps each place of a result to the places of a source that it reads, along one axis of an image.
//
// A result has `places` places. Each reads the source through `taps` taps:
//
//   source(place, tap) = stepOfPlace·place + stepOfTap·tap − padding           transposed: false
//   source(place, tap) = (place + padding − stepOfTap·tap) / stepOfPlace       transposed: true
//
// where that is an integer from 0 to `extent` − 1; elsewhere it reads padding, which is zero. Places
// that read through the same taps form a class, so that one list of runs serves all their rows. Inside
// an image all places are in one class; at the edges of a padded image, classes are small.

/** Bytes of a class's entry. */
export const CLASS: i32 = 28;

/** First place of the class, steps between its places, and how many there are. */
// @ts-ignore: decorator
@inline export function firstPlace(entry: usize): i32 {
  return load<i32>(entry);
}
// @ts-ignore: decorator
@inline export function placeStep(entry: usize): i32 {
  return load<i32>(entry, 4);
}
// @ts-ignore: decorator
@inline export function placeCount(entry: usize): i32 {
  return load<i32>(entry, 8);
}
/** The taps of the class, in the order of ascending source. */
// @ts-ignore: decorator
@inline export function firstTap(entry: usize): i32 {
  return load<i32>(entry, 12);
}
// @ts-ignore: decorator
@inline export function tapStep(entry: usize): i32 {
  return load<i32>(entry, 16);
}
// @ts-ignore: decorator
@inline export function tapCount(entry: usize): i32 {
  return load<i32>(entry, 20);
}
/** The place of the source that the first place reads through the first tap. */
// @ts-ignore: decorator
@inline export function firstSource(entry: usize): i32 {
  return load<i32>(entry, 24);
}

/** The place of the source that `place` reads through `tap`, or −1 for padding. */
function source(
  place: i32, tap: i32, extent: i32,
  stepOfPlace: i32, stepOfTap: i32, padding: i32, transposed: bool,
): i32 {
  let at = transposed ? place + padding - stepOfTap * tap : stepOfPlace * place + stepOfTap * tap - padding;
  if (transposed) {
    if (at < 0 || at % stepOfPlace != 0) return -1;
    at /= stepOfPlace;
  }
  return at < extent ? max(at, -1) : -1;
}

/**
 * Writes the classes of an axis, at most one per place, and returns the end of their list.
 *
 * When transposed, only places whose distance is a multiple of the step read through the same taps:
 * each phase of the step has its own classes.
 */
export function listClasses(
  list: usize, places: i32, taps: i32, extent: i32,
  stepOfPlace: i32, stepOfTap: i32, padding: i32, transposed: bool,
): usize {
  const step = transposed ? stepOfPlace : 1;
  for (let phase = 0; phase < min(step, places); phase++) {
    let open: usize = 0;
    for (let place = phase; place < places; place += step) {
      let first = 0, last = -1, second = 0, count = 0;
      for (let tap = 0; tap < taps; tap++) {
        if (source(place, tap, extent, stepOfPlace, stepOfTap, padding, transposed) < 0) continue;
        if (count == 0) first = tap;
        if (count == 1) second = tap;
        last = tap;
        count++;
      }
      const begin = transposed ? last : first;
      if (open && tapCount(open) == count && firstTap(open) == begin) {
        store<i32>(open, placeCount(open) + 1, 8);
        continue;
      }
      const between = count > 1 ? second - first : 1;
      open = list;
      list += CLASS;
      store<i32>(open, place);
      store<i32>(open, step, 4);
      store<i32>(open, 1, 8);
      store<i32>(open, begin, 12);
      store<i32>(open, transposed ? -between : between, 16);
      store<i32>(open, count, 20);
      const at = source(place, begin, extent, stepOfPlace, stepOfTap, padding, transposed);
      store<i32>(open, max(at, 0), 24);
    }
  }
  return list;
}
