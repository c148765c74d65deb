/**
 * A clock that runs faster, for tests of times that are hours. Imported by a server with `node --import`, it is the clock of its
 * dates, or of its long timers; `performance.now()` stays as it is. Processes of one begin and speed have one clock.
 */

/** Variable of the environment: begin, in milliseconds since 1970, and speed, such as `1700000000000x40`. */
const VARIABLE = 'TEST_FAST_CLOCK'

/** Environment of a process with a clock of that speed from `begin` on. */
export function fastClockEnvironment(begin: number, speed: number): NodeJS.ProcessEnv {
  return { [VARIABLE]: `${begin}x${speed}`, NODE_OPTIONS: `--import=${import.meta.filename}` }
}

/** Variable of the environment: how many times shorter the rests of the upkeep are, such as `300`. */
const RESTS_VARIABLE = 'TEST_SHORT_RESTS'
/** Shortest delay of a timer that is such a rest, in milliseconds: those of requests and connections are shorter. */
const MIN_REST_MS = 30_000

/** Environment of a process whose timers of half a minute and more run so many times sooner; its dates stay as they are. */
export function shortRestsEnvironment(times: number): NodeJS.ProcessEnv {
  return { [RESTS_VARIABLE]: String(times), NODE_OPTIONS: `--import=${import.meta.filename}` }
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

const times = Number(process.env[RESTS_VARIABLE] ?? 1)
if (times > 1) {
  const startTimer = globalThis.setTimeout
  globalThis.setTimeout = new Proxy(startTimer, {
    apply(target, receiver, [task, delay = 0, ...rest]) {
      const shorter = delay >= MIN_REST_MS ? delay / times : delay
      return Reflect.apply(target, receiver, [task, shorter, ...rest])
    },
  })
}
