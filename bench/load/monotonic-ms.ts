/** Milliseconds of a clock that all processes of the machine share, for times taken in one and compared in another. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
