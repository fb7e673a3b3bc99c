/** What is there only now and then, and what the process says of its memory. */
import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { runApp } from '../support/running-app.js'
import { scrape } from './scrape.js'

test('without TLS there is no end of a certificate, and no alert for it', async () => {
  const { names, figures } = await scrape(await runApp())
  expect(names).toContain('nestwire_tls_certificate_end_time_seconds')
  expect(figures.get('tls_certificate_end_time_seconds')).toBeUndefined()
})

test('memory is told with what it may become', async () => {
  const { figures } = await scrape(await runApp())
  const bytes = (name: string): number => figures.get(name) ?? NaN
  expect(bytes('memory_bytes')).toBeGreaterThan(bytes('nodejs_heap_size_used_bytes'))
  // The program itself is a file, too.
  expect(bytes('memory_bytes')).toBeLessThan(bytes('process_resident_memory_bytes'))
  expect(bytes('memory_max_bytes')).toBeGreaterThan(bytes('memory_bytes'))
  expect(bytes('memory_max_bytes')).toBeLessThanOrEqual(totalmem())
  expect(bytes('nodejs_heap_size_limit_bytes')).toBeGreaterThan(bytes('nodejs_heap_size_total_bytes'))
})
