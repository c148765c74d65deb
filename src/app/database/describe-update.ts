import type { SchemaUpdate } from '../../database/migrations.ts'

/** Says before an update of the schema what it does, and the way back. */
export function describeUpdate({ from, to }: SchemaUpdate): string {
  return (
    `the schema of the database is updated from ${from} to ${to}; the former version of Berth cannot open it afterwards. ` +
    'The way back is a backup from before ("berth backup"): docs/operations.md, "Upgrading"'
  )
}
