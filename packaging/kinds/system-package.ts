import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Architecture } from '../architecture.ts'
import { makeExecutable } from '../bundle/make-executable.ts'
import type { PackOptions } from '../pack-options.ts'
import { runTool } from '../run-tool.ts'
import { formatManPage } from '../system/man-page.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SYSTEM = join(ROOT, 'packaging/system')

/** Maintainer in a package whose builder set no BERTH_MAINTAINER; no mail can reach an address below .invalid (RFC 6761). */
const UNNAMED_MAINTAINER = 'Local build of Berth <unnamed@maintainer.invalid>'

/** Makes the package for Debian and Ubuntu. @returns its path. */
export function packDeb(options: PackOptions): Promise<string> {
  return packForSystem('deb', options)
}

/** Makes the package for Fedora, RHEL and openSUSE. @returns its path. */
export function packRpm(options: PackOptions): Promise<string> {
  return packForSystem('rpm', options)
}

async function packForSystem(kind: 'deb' | 'rpm', options: PackOptions): Promise<string> {
  const folder = join(options.folder, kind)
  const [architecture] = options.architectures
  await mkdir(folder, { recursive: true })
  const { isReproducible } = options
  const parts = join(folder, 'bundle')
  await makeExecutable({ file: join(folder, 'berth'), parts, isReproducible, architecture })
  await writeFile(join(folder, 'berth.1.gz'), gzipSync(await formatManPage()))
  for (const shell of ['bash', 'zsh', 'fish']) {
    // By the checkout: an executable of another architecture does not run here.
    const script = await runTool(join(ROOT, 'bin/berth'), ['completion', shell])
    await writeFile(join(folder, `completion.${shell}`), script)
  }
  for (const file of await readdir(SYSTEM)) await copyFile(join(SYSTEM, file), join(folder, file))
  await writeFile(join(folder, 'nfpm.yaml'), JSON.stringify(await describePackage(architecture), null, 2))
  const args = ['package', '--config', 'nfpm.yaml', '--packager', kind, '--target', options.folder]
  const output = await runTool(findNfpm(), args, folder)
  const [, path] = /created package: (\S+)/.exec(output) ?? []
  if (path === undefined) throw new Error(`nfpm names no package that it made: ${output}`)
  return path
}

/** nfpm where `.ci/install-parts` puts it, else in PATH. */
function findNfpm(): string {
  const part = join(process.env.TEST_PARTS ?? join(homedir(), '.cache/berth-parts'), 'bin/nfpm')
  return existsSync(part) ? part : 'nfpm'
}

/** The settings of nfpm for a package; their JSON is valid YAML. */
async function describePackage(arch: Architecture): Promise<object> {
  const text = await readFile(join(ROOT, 'package.json'), 'utf8')
  const { version, description, license } = JSON.parse(text) as Record<string, string>
  const file = (src: string, dst: string, mode = 0o644): object => ({ src, dst, file_info: { mode } })
  return {
    name: 'berth',
    arch,
    platform: 'linux',
    version,
    description,
    license,
    maintainer: process.env.BERTH_MAINTAINER ?? UNNAMED_MAINTAINER,
    section: 'net',
    mtime: '2026-01-01T00:00:00Z',
    contents: [
      file('berth', '/usr/bin/berth', 0o755),
      file('berth.service', '/usr/lib/systemd/system/berth.service'),
      file('berth.socket', '/usr/lib/systemd/system/berth.socket'),
      { ...file('berth.yaml', '/etc/berth/berth.yaml', 0o640), type: 'config|noreplace' },
      file('berth.1.gz', '/usr/share/man/man1/berth.1.gz'),
      file('completion.bash', '/usr/share/bash-completion/completions/berth'),
      { ...file('completion.zsh', '/usr/share/zsh/vendor-completions/_berth'), packager: 'deb' },
      { ...file('completion.zsh', '/usr/share/zsh/site-functions/_berth'), packager: 'rpm' },
      file('completion.fish', '/usr/share/fish/vendor_completions.d/berth.fish'),
    ],
    scripts: {
      postinstall: 'after-install.sh',
      preremove: 'before-remove.sh',
      postremove: 'after-remove.sh',
    },
    overrides: {
      deb: {
        depends: ['libc6 (>= 2.28)', 'libstdc++6', 'libatomic1', 'passwd'],
        recommends: ['ca-certificates'],
      },
      rpm: { depends: ['glibc >= 2.28', 'libstdc++', 'libatomic', 'shadow-utils'] },
    },
    deb: { compression: 'zstd' },
    rpm: { compression: 'zstd' },
  }
}
