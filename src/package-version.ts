import { readFileSync } from 'node:fs'

/** One folder up in the source and in the package alike; nowhere in a build for benches. */
export function packageVersion(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version)
  } catch {
    // then nobody knows
  }
  return 'unknown'
}
