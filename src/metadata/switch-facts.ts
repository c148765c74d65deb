import { OciError } from '../oci/errors.ts'

/** Names of the switches of an operator. */
export type SwitchName =
  /** Nothing is stored or deleted for clients, and nothing is collected. */
  | 'read-only'
  /** The server collects nothing. */
  | 'collection-paused'

/** A switch that is on. */
export interface Switch {
  readonly since: Date
  /** Name of the user who turned it on; undefined: unknown. */
  readonly by: string | undefined
  /** In the operator's words. */
  readonly reason: string | undefined
  /** Time at which it goes off by itself; undefined: by command only. */
  readonly until: Date | undefined
}

/** Switches in the database, the same for all processes and nodes. Errors of all: as of `Metadata`. */
export interface SwitchFacts {
  /** Undefined: it is off. May be out of date by the age of what the database remembers, at most a second. */
  findSwitch(name: SwitchName): Promise<Switch | undefined>
  /**
   * Turns a switch on, or changes one that is on. When it returns, every transaction that did not see the switch has
   * ended: from then on nothing is changed against it. `forMs`: time after which it goes off by itself.
   */
  turnOn(
    name: SwitchName,
    options: { by?: string | undefined; reason?: string | undefined; forMs?: number | undefined },
  ): Promise<Switch>
  /** Turns a switch off; false if it was off. `by`: author of the change; undefined: that of the request. */
  turnOff(name: SwitchName, by?: string): Promise<boolean>
}

/** The error of a change that a client wants while the registry is read-only. */
export function createReadOnlyError(readOnly: Switch): OciError {
  return new OciError('UNSUPPORTED', {
    message: `This registry is read-only (${describeSwitch(readOnly)}): nothing is stored or deleted, pulls work. Try again later, or ask its operator, who can run "berth read-only off"`,
    detail: { readOnly },
  })
}

/** Since when and by whom a switch is on, why, and until when, as part of a sentence. */
export function describeSwitch({ since, until, by, reason }: Switch): string {
  const author = by === undefined ? '' : `, by ${by}`
  const end = until === undefined ? '' : `, until ${formatTime(until)}`
  return `since ${formatTime(since)}${author}${end}${reason === undefined ? '' : `: ${reason}`}`
}

function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')}Z`
}
