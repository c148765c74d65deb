import { checkVhostFiles } from '../door/check-vhost-files.ts'
import { nginxFolder } from '../folders/nginx-folders.ts'
import { type Finding, failed, messageOf, ok, skipped, warning } from './finding.ts'

/** Most findings shown. */
const MAX_FINDINGS = 20

/** Checks that the vhost files can be understood. */
export async function checkVhosts(folder: string | undefined): Promise<Finding[]> {
  if ((folder ?? nginxFolder('vhost.d')) === undefined)
    return [skipped('vhost files', 'No folder of vhost files is set')]
  try {
    const { files, problems } = await checkVhostFiles(undefined, folder)
    const findings = problems.slice(0, MAX_FINDINGS).map(({ file, line, severity, message }) => {
      const report = severity === 'closes' ? failed : warning
      const remedy =
        severity === 'closes' ? 'Until it is mended this host answers 503' : 'See docs/front-door.md'
      return report('vhost files', `${file}:${line}: ${message.replace(/\.$/, '')}`, remedy)
    })
    return findings.length > 0
      ? findings
      : [ok('vhost files', `${files.length === 1 ? 'One file' : `${files.length} files`}, nothing found`)]
  } catch (error) {
    return [
      failed(
        'vhost files',
        messageOf(error),
        'Check the folder given with --vhost-dir, and the right to read it',
      ),
    ]
  }
}
