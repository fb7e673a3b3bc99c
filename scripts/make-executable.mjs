// The compiler writes the command line without the execute bit. npx sets it when it links the package for the first time
// and never again, so that after a second build `npx nestwire` would be refused.
import { chmodSync } from 'node:fs'

chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755)
