import type { MigrationSet } from '../database/migrations.ts'
import { createContent } from './migrations/001-content.ts'
import { indexUploadsOfOne } from './migrations/002-uploads-of-one.ts'
import { addUploadState } from './migrations/003-upload-state.ts'
import { addTagHistory } from './migrations/004-tag-history.ts'
import { addCollection } from './migrations/005-collection.ts'
import { recordOptionalLayers } from './migrations/006-optional-layers.ts'
import { addCollectionRounds } from './migrations/007-collection-rounds.ts'
import { addPolicies } from './migrations/008-policies.ts'
import { addPins } from './migrations/009-pins.ts'
import { addSizes } from './migrations/010-sizes.ts'
import { addRetention } from './migrations/011-retention.ts'
import { addSwitches } from './migrations/012-switches.ts'
import { addScrub } from './migrations/013-scrub.ts'
import { addRoundReports } from './migrations/014-round-reports.ts'
import { addBackupRuns } from './migrations/015-backup-runs.ts'
import { countChangedSizes } from './migrations/016-changed-sizes.ts'
import { addHistorySince } from './migrations/018-history-since.ts'

/** The schema of metadata, step by step; `schema.ts` describes the columns. */
export const METADATA_MIGRATIONS: MigrationSet = {
  capability: 'metadata',
  migrations: {
    '001-content': createContent,
    '002-uploads-of-one': indexUploadsOfOne,
    '003-upload-state': addUploadState,
    '004-tag-history': addTagHistory,
    '005-collection': addCollection,
    '006-optional-layers': recordOptionalLayers,
    '007-collection-rounds': addCollectionRounds,
    '008-policies': addPolicies,
    '009-pins': addPins,
    '010-sizes': addSizes,
    '011-retention': addRetention,
    '012-switches': addSwitches,
    '013-scrub': addScrub,
    '014-round-reports': addRoundReports,
    '015-backup-runs': addBackupRuns,
    '016-changed-sizes': countChangedSizes,
    '018-history-since': addHistorySince,
  },
  formerNames: {
    '001-content': '001-initial',
    '002-uploads-of-one': '002-uploads-of-one',
    '003-upload-state': '007-upload-state',
  },
}
