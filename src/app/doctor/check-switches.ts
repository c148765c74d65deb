import type { SwitchFacts } from '../../metadata/switch-facts.ts'
import { describeSwitch } from '../../metadata/switch-facts.ts'
import { type Finding, ok, warning } from './finding.ts'

const CHECK = 'upkeep'

/** Finds switches that an operator may have forgotten. */
export async function checkSwitches({ findSwitch }: Pick<SwitchFacts, 'findSwitch'>): Promise<Finding[]> {
  const readOnly = await findSwitch('read-only')
  const paused = await findSwitch('collection-paused')
  return [
    readOnly
      ? warning(
          CHECK,
          `The registry is read-only (${describeSwitch(readOnly)}): pushes and deletes are refused`,
          'Run "berth read-only off" once they should be taken again',
        )
      : ok(CHECK, 'Pushes and deletes are taken'),
    ...(paused
      ? [
          warning(
            CHECK,
            `Collection is paused (${describeSwitch(paused)}): no space is freed`,
            'Run "berth gc resume" once it should go on',
          ),
        ]
      : []),
  ]
}
