import type { RewriteStep } from '../route/rewrite-steps.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Directive } from '../syntax/parser.ts'
import type { Template } from '../syntax/template.ts'
import type { CompileContext } from './compile-context.ts'

/**
 * Support of a directive:
 * - `full`: as in nginx.
 * - `part`: the note names the supported part.
 * - `no-op`: it tunes something that works otherwise here; ignored.
 * - `missing`: visitors or applications would see its effect, which it has not here: a warning reports it.
 * - `refused`: it decides about access or content, and is not supported: it closes the host.
 */
export type Support = 'full' | 'part' | 'no-op' | 'missing' | 'refused'

/** Subject of a directive. A mistake in one of `access` or `routing` closes the host; in others it only warns. */
type DirectiveClass = 'access' | 'routing' | 'tuning' | 'tls'

/** Place of a directive; `if`: in one outside of any location. */
export type DirectiveContext = 'server' | 'location' | 'if' | 'location-if' | 'limit_except'

/**
 * A directive of nginx that Berth knows. A supported one carries its reader, so that table and meaning cannot differ.
 */
export type DirectiveEntry = Facts &
  ((Reader & { readonly support: 'full' | 'part' }) | { readonly support: 'no-op' | 'missing' | 'refused' })

/** Facts of a directive that are known before it is read. */
interface Facts {
  readonly name: string
  readonly class: DirectiveClass
  /** Number of words after the name: least and most. */
  readonly args: readonly [min: number, max: number]
  readonly contexts: readonly DirectiveContext[]
  /** For operators; empty if there is nothing to add. */
  readonly note: string
  /** Context inside its block, if it has one. */
  readonly block?: (outer: DirectiveContext) => DirectiveContext
  /** True if nginx accepts only one a level. */
  readonly once?: true
  /** Words that may hold variables; absent: none. */
  readonly variables?: (args: readonly string[]) => readonly string[]
}

/** Reader of a supported directive. */
type Reader =
  | { readonly setting: ReadSetting /** Read after all else of its level. */; readonly isLast?: true }
  | { readonly step: CompileStep }
  | { readonly content: ReadContent }
  /** The compiler descends into a `location`, and replaces an `include` by the file's content. */
  | { readonly structure: 'location' | 'include' }

/** Reads a directive into the settings of its level. @returns a text with the fault. */
export type ReadSetting = (level: SettingsLevel, directive: Directive) => string | undefined

/** Compiles a directive of nginx's rewrite module. @returns a text with the fault. */
type CompileStep = (directive: Directive, level: StepLevel) => RewriteStep | string

/** Reads a directive about the content of a level; the first of a name counts. */
type ReadContent = (draft: ContentDraft, directive: Directive) => void

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

/** Content of one level, as its directives set it. */
export interface ContentDraft {
  proxyPass?: Directive
  root?: Template
  alias?: { readonly template: Template; readonly directive: Directive }
  tryFiles?: { readonly words: readonly Template[]; readonly directive: Directive }
  index?: readonly string[]
  isInternal?: true
}

/** A supported directive in the form of its family's table. */
type DirectiveRow = Reader &
  Pick<Facts, 'name' | 'class' | 'block' | 'once' | 'variables'> & {
    /** Number of words after the name, or least and most. */
    readonly args: number | readonly [min: number, max: number]
    /** Servers and locations if absent. */
    readonly contexts?: readonly DirectiveContext[]
    /** `full` if absent. */
    readonly support?: 'part'
    readonly note?: string
  }

/** Most words after a name. */
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

/** Fills in the parts that the rows of a family leave out. */
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
