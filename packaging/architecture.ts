/** Architectures of packages by Debian's and OCI's name, with Node's name and the prefix of GNU's tools. */
export const ARCHITECTURES = {
  amd64: { node: 'x64', gnu: 'x86_64-linux-gnu' },
  arm64: { node: 'arm64', gnu: 'aarch64-linux-gnu' },
} as const satisfies Readonly<Record<string, { readonly node: string; readonly gnu: string }>>

/** Name of an architecture, as in Debian and OCI. */
export type Architecture = keyof typeof ARCHITECTURES

/** True for the name of an architecture that packages are made for. */
export function isArchitecture(name: string): name is Architecture {
  return Object.hasOwn(ARCHITECTURES, name)
}

/** The architecture of this machine; undefined if no packages are made for it. */
export function findOwnArchitecture(): Architecture | undefined {
  return Object.keys(ARCHITECTURES)
    .filter(isArchitecture)
    .find((name) => ARCHITECTURES[name].node === process.arch)
}
