/**
 * A clock that runs faster, for tests of times that are hours. Imported by a server with `node --import`, it is the clock of its
 * dates; timers and `performance.now()` stay as they are. Processes of one begin and speed have one clock.
 */

/** Variable of the environment: begin, in milliseconds since 1970, and speed, such as `1700000000000x40`. */
const VARIABLE = 'TEST_FAST_CLOCK'

/** Environment of a process with a clock of that speed from `begin` on. */
export function fastClockEnvironment(begin: number, speed: number): NodeJS.ProcessEnv {
  return { [VARIABLE]: `${begin}x${speed}`, NODE_OPTIONS: `--import=${import.meta.filename}` }
}

/** Time of that clock, in milliseconds since 1970. */
export function fastNow(begin: number, speed: number, now: number): number {
  return Math.floor(begin + (now - begin) * speed)
}

const [begin, speed] = (process.env[VARIABLE] ?? '').split('x').map(Number)
if (begin && speed) {
  const TrueDate = Date
  const now = (): number => fastNow(begin, speed, TrueDate.now())
  globalThis.Date = new Proxy(TrueDate, {
    construct: (target, parameters: [], newTarget: typeof Date) =>
      Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget) as Date,
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  })
}
