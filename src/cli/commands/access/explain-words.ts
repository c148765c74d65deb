import type { Explanation, Reason } from '../../../access/explain.ts'
import { formatLimit } from '../../../access/limits.ts'
import type { accountPrincipal } from '../../../access/principal.ts'
import type { AccessRule, VisibilityRule } from '../../../access/rules.ts'
import type { Robot } from '../../../accounts/secrets.ts'
import { quoteWord } from '../../command-line/openssl-line.ts'

/** Rules of others that are shown: more would not be read. */
const MAX_OTHERS = 5

/** An account as far as it is explained. */
export interface Explained {
  readonly account: Parameters<typeof accountPrincipal>[0]
  /** The account whose rights count, as rules name it: the owner of a robot that has one. */
  readonly subject: string
  /** Which of the account and its owner are disabled. */
  readonly disabled: readonly string[]
  readonly robot?: Pick<Robot, 'owner' | 'limits'>
}

/** The question, with the account if there is one. */
interface Subject {
  readonly who: string
  /** Name of the repository. */
  readonly name: string
  readonly action: string
  readonly explained: Explained | undefined
}

/** Words for what decides, with names in place of ids. */
export class ExplainWords {
  readonly #names: ReadonlyMap<string, string>
  readonly #subject: Subject

  constructor(names: ReadonlyMap<string, string>, subject: Subject) {
    this.#names = names
    this.#subject = subject
  }

  toReason(reason: Reason): string {
    const { who } = this.#subject
    switch (reason.kind) {
      case 'administrator':
        return `${who} is an administrator, who may do all`
      case 'owner':
        return `${who} owns ${reason.where}`
      case 'rule':
        return `rule: ${this.#formatRule(reason.rule)}`
      case 'visibility':
        return `visibility: ${reason.entry.where} is ${reason.entry.visibility}`
      default:
        return reason satisfies never
    }
  }

  /** The command that takes a reason away. */
  toRemoval(reason: Reason): string {
    const { action } = this.#subject
    switch (reason.kind) {
      case 'administrator':
        return 'nothing, as long as it is an administrator'
      case 'owner':
        return 'nothing, as long as it is the owner'
      case 'rule': {
        const { who, where, what } = reason.rule
        const taken = what.includes('administer') ? 'administer' : action
        return `berth access revoke ${quoteWord(this.#toName(who))} '${where}' ${taken}`
      }
      case 'visibility':
        return `berth access visibility '${reason.entry.where}' private`
      default:
        return reason satisfies never
    }
  }

  /** Why an act is denied; empty: no rule allows it. */
  toRefusals({ decision, isLimited, reasons }: Explanation): string[] {
    const { who, explained } = this.#subject
    const disabled = (explained?.disabled ?? []).map((one) => `${one} is disabled: no log-in is accepted`)
    if (decision === 'allow' || !isLimited) return disabled
    const more = reasons.length > 0 ? 'although more would be allowed' : 'and no rule allows it'
    return [...disabled, `the limits of ${who} leave it out, ${more}`]
  }

  /** Commands by which a denied act would be allowed, and what is near. */
  toAdditions(explanation: Explanation): string[] {
    const { action, explained } = this.#subject
    const { decision, isLimited, narrower, visibility } = explanation
    const enabling = (explained?.disabled ?? []).map(toEnabling)
    if (decision === 'allow') return enabling
    return [
      ...enabling,
      ...narrower
        .slice(0, MAX_OTHERS)
        .map((rule) => `nothing by itself: ${this.#formatRule(rule)}, which is less`),
      ...(isLimited && explained?.robot
        ? this.#toNewRobot(explanation, explained.robot)
        : this.#toGrants(explanation)),
      ...(action === 'pull'
        ? [this.#toVisibility(explained && !isLimited ? 'internal' : 'public', visibility)]
        : []),
    ]
  }

  /** A robot with an owner has the rights of that account: rules about the robot itself have no effect. */
  #toGrants({ others }: Explanation): string[] {
    const { who, name, action, explained } = this.#subject
    const subject = explained?.subject ?? who
    if (!explained && action !== 'pull') return ['nothing: without an account only pull can be allowed']
    const groups = others.filter((rule) => explained && rule.who.startsWith('group:')).slice(0, MAX_OTHERS)
    return [
      ...groups.map(
        ({ who: group, where }) =>
          `berth group add-member ${this.#toName(group).slice('group:'.length)} ${quoteWord(subject)}   (its rule: ${where})`,
      ),
      `berth access grant ${quoteWord(subject)} ${name} ${action}`,
    ]
  }

  /** Limits cannot be changed, and rules about a robot count for that robot only. */
  #toNewRobot({ reasons }: Explanation, { owner, limits = [] }: NonNullable<Explained['robot']>): string[] {
    const { name, action } = this.#subject
    const allowed = [...limits.map(formatLimit), `${name}:${action}`].map((limit) => `--allow '${limit}'`)
    const flags = owner === undefined ? allowed : [`--owner ${owner}`, ...allowed]
    const isForAll = reasons.some(
      (reason) => reason.kind === 'visibility' || (reason.kind === 'rule' && reason.rule.who === 'signed-in'),
    )
    const isEnough = owner === undefined ? isForAll : reasons.length > 0
    return [
      `nothing for this robot, whose limits stay; for one made in its place: berth robot create NEW-NAME ${flags.join(' ')}`,
      ...(isEnough
        ? []
        : [
            `and then: berth access grant ${owner === undefined ? 'robot:NEW-NAME' : `user:${owner}`} ${name} ${action}`,
          ]),
    ]
  }

  #toVisibility(level: 'internal' | 'public', visibility: VisibilityRule | undefined): string {
    const now = visibility
      ? `${visibility.visibility} by ${visibility.where}`
      : 'private, as no pattern has it'
    return `berth access visibility ${this.#subject.name} ${level}   (now ${now})`
  }

  #formatRule({ who, where, what }: AccessRule): string {
    return `${this.#toName(who)} may ${what.join(', ')} in ${where}`
  }

  #toName(id: string): string {
    return this.#names.get(id) ?? id
  }
}

function toEnabling(who: string): string {
  const [kind, name] = who.split(/:(.*)/s)
  return `berth ${kind === 'robot' ? 'robot' : 'user'} enable ${name}`
}
