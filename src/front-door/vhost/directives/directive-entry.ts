import type { RewriteStep } from '../route/rewrite-steps.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Directive } from '../syntax/parser.ts'
import type { Template } from '../syntax/template.ts'
import type { CompileContext } from './compile-context.ts'

/**
 * How far a directive is supported:
 * - `full`: it does what it does in nginx.
 * - `part`: the note says what of it.
 * - `no-op`: it tunes what is done otherwise here; taken and passed over.
 * - `missing`: visitors or applications would see its effect, which it has not here: a warning says so.
 * - `refused`: it decides who gets what, and cannot be done: it closes the host.
 */
export type Support = 'full' | 'part' | 'no-op' | 'missing' | 'refused'

/** Subject of a directive. A mistake in one of `access` or `routing` closes the host; in others it only warns. */
export type DirectiveClass = 'access' | 'routing' | 'tuning' | 'tls'

/** Place of a directive; `if`: in one outside of any location. */
export type DirectiveContext = 'server' | 'location' | 'if' | 'location-if' | 'limit_except'

/** A directive of nginx that is known here. One that is supported carries its reader, so that table and meaning are one. */
export type DirectiveEntry = Facts &
  ((Reader & { readonly support: 'full' | 'part' }) | { readonly support: 'no-op' | 'missing' | 'refused' })

/** What is known of a directive before it is read. */
interface Facts {
  readonly name: string
  readonly class: DirectiveClass
  /** Number of words after the name: least and most. */
  readonly args: readonly [min: number, max: number]
  readonly contexts: readonly DirectiveContext[]
  /** For operators; empty if there is nothing to add. */
  readonly note: string
  /** It has a block behind it; gives the context of what stands inside. */
  readonly block?: (outer: DirectiveContext) => DirectiveContext
  /** nginx takes one a level. */
  readonly once?: true
  /** Words that may hold variables; without it none are looked for. */
  readonly variables?: (args: readonly string[]) => readonly string[]
}

/** How a supported directive gets its meaning. */
export type Reader =
  | { readonly setting: ReadSetting /** Read after all else of its level. */; readonly isLast?: true }
  | { readonly step: CompileStep }
  | { readonly content: ReadContent }
  /** The compiler descends into a `location`, and puts a file in the place of an `include`. */
  | { readonly structure: 'location' | 'include' }

/** Reads a directive into the settings of its level. @returns a text that says what is wrong. */
export type ReadSetting = (level: SettingsLevel, directive: Directive) => string | undefined

/** Compiles a directive of nginx's rewrite module. @returns a text that says what is wrong. */
export type CompileStep = (directive: Directive, level: StepLevel) => RewriteStep | string

/** Reads a directive about what a level answers with; the first of a name counts. */
export type ReadContent = (draft: ContentDraft, directive: Directive) => void

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
/** Settings of a level while they are being read. */
export type SettingsDraft = Mutable<LocationSettings>

/** A level whose settings are being read: its own lists replace inherited ones. */
export interface SettingsLevel {
  readonly draft: SettingsDraft
  readonly context: CompileContext
  /** Lists that this level has begun. */
  readonly own: Set<string>
  /** Settings of a block inside this level. */
  readonly inside: (inherited: LocationSettings, directives: readonly Directive[]) => LocationSettings
}

/** A level whose steps are being compiled. */
export interface StepLevel {
  /** Compiles the block of an `if`. */
  readonly inside: (directives: readonly Directive[]) => {
    readonly steps: readonly RewriteStep[]
    readonly settings: LocationSettings
  }
}

/** What the directives of one level say of its content. */
export interface ContentDraft {
  proxyPass?: Directive
  root?: Template
  alias?: { readonly template: Template; readonly directive: Directive }
  tryFiles?: { readonly words: readonly Template[]; readonly directive: Directive }
  index?: readonly string[]
  isInternal?: true
}

/** A supported directive as its family writes it down. */
export type DirectiveRow = Reader &
  Pick<Facts, 'name' | 'class' | 'block' | 'once' | 'variables'> & {
    /** Words behind the name, or least and most. */
    readonly args: number | readonly [min: number, max: number]
    /** Servers and locations where it is not given. */
    readonly contexts?: readonly DirectiveContext[]
    /** `full` where it is not given. */
    readonly support?: 'part'
    readonly note?: string
  }

/** Most words behind a name. */
export const MANY = 64
/** One word or more. */
export const ANY: readonly [number, number] = [1, MANY]
export const SERVER: readonly DirectiveContext[] = ['server']
export const LOCATION: readonly DirectiveContext[] = ['location']
export const BOTH: readonly DirectiveContext[] = ['server', 'location']
/** In a location and an `if` inside of one, too. */
export const WITH_IF: readonly DirectiveContext[] = ['server', 'location', 'location-if']
export const WITH_LIMIT: readonly DirectiveContext[] = ['server', 'location', 'limit_except']
/** Contexts of nginx's rewrite module. */
export const REWRITE: readonly DirectiveContext[] = ['server', 'location', 'if', 'location-if']

/** Fills in what the rows of a family leave out. */
export function defineDirectives(rows: readonly DirectiveRow[]): DirectiveEntry[] {
  return rows.map((row) => ({
    ...row,
    support: row.support ?? 'full',
    args: typeof row.args === 'number' ? [row.args, row.args] : row.args,
    contexts: row.contexts ?? BOTH,
    note: row.note ?? '',
  }))
}

/** `variables` of a directive whose words may all hold some. */
export function allWords(args: readonly string[]): readonly string[] {
  return args
}
