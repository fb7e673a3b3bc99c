import { describe, expect, test } from 'vitest'
import { MAX_MEMBERS, ServerList } from '../../src/client/server-list.js'

/** Keeps the order in which servers are given. */
const first = (): number => 0
const last = (): number => 0.999_999

const listOf = (...servers: string[]): ServerList => new ServerList({ servers }, first)
const next = (list: ServerList): string => {
  const { host, port, redirects } = list.next()
  return `${host}:${port}${redirects > 0 ? ` after ${redirects}` : ''}`
}
/** Tries until it is time to wait. */
function round(list: ServerList): string[] {
  const tried: string[] = []
  do tried.push(next(list))
  while (list.failed())
  return tried
}
function connect(list: ServerList): string {
  const server = next(list)
  list.arrived()
  return server
}

describe('TLS', () => {
  const certificate = { cert: 'PEM', key: 'PEM' }

  test('is for all servers if it is for one, and wherever they send the client', () => {
    const list = new ServerList({ servers: ['nestwires://a', 'b'] }, first)
    expect([list.next(), list.failed() && list.next()]).toMatchObject([
      { host: 'a', tls: {} },
      { host: 'b', tls: {} },
    ])
    list.follow('c:1')
    expect(list.next()).toMatchObject({ host: 'c', tls: {} })
    list.learn(['d:1'])
    list.failed()
    expect(list.next()).toMatchObject({ tls: {} })
  })

  test('is spoken with what is given, whatever the servers are called', () => {
    expect(new ServerList({ host: 'a', tls: certificate }, first).next()).toMatchObject({ tls: certificate })
    expect(new ServerList({ servers: ['a'], tls: certificate }, first).next()).toMatchObject({ tls: certificate })
    expect(new ServerList({ servers: ['nestwires://a'], tls: certificate }, first).next().tls).toEqual(certificate)
  })

  test('is not spoken where nobody asks for it', () => {
    expect(new ServerList({ servers: ['a', 'nestwire://b'] }, first).next().tls).toBeUndefined()
  })

  test.each([[{ servers: ['nestwires://a', 'nestwire://b'] }], [{ servers: ['nestwire://b'], tls: certificate }]])(
    'is not left away for one server: %j',
    (choice) => {
      expect(() => new ServerList(choice, first)).toThrow('nestwire://b means no TLS')
    },
  )
})

describe('addresses', () => {
  test.each([
    ['chat.example.com:7421', { host: 'chat.example.com', port: 7421 }],
    ['chat.example.com', { host: 'chat.example.com', port: 7420 }],
    ['nestwire://10.0.0.1:65535', { host: '10.0.0.1', port: 65_535 }],
    ['nestwire://chat.example.com/', { host: 'chat.example.com', port: 7420 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['nestwire://[fe80::1]', { host: 'fe80::1', port: 7420 }],
    ['nestwires://chat.example.com', { host: 'chat.example.com', port: 7420 }],
  ])('reads %s', (server, address) => {
    expect(listOf(server).next()).toMatchObject(address)
  })

  test.each([
    '',
    ' ',
    'a:0',
    'a:65536',
    'a:1x',
    ':1',
    'a:',
    '::1',
    '::1:7420',
    '[]:1',
    'a b:1',
    'http://a:1',
    'a/lobby',
    'u@a:1',
  ])('refuses "%s" at once', (server) => {
    expect(() => listOf('a:1', server)).toThrow(expect.objectContaining({ code: 'BAD_FIELD' }))
  })

  test('refuses a list of no servers', () => {
    expect(() => listOf()).toThrow(expect.objectContaining({ code: 'BAD_FIELD' }))
  })

  test('are host and port where no servers are named', () => {
    expect(next(new ServerList({}, first))).toBe('127.0.0.1:7420')
    expect(next(new ServerList({ host: '::1', port: 9 }, first))).toBe('::1:9')
  })

  test('are tried once, however often they are named', () => {
    expect(round(listOf('a', 'b:7420', 'nestwire://a:7420'))).toEqual(['a:7420', 'b:7420'])
  })
})

describe('the order', () => {
  test('is given by the dice', () => {
    const orders = [first, last].map((random) => round(new ServerList({ servers: ['a:1', 'b:1', 'c:1'] }, random)))
    expect(orders).toEqual([
      ['a:1', 'b:1', 'c:1'],
      ['c:1', 'b:1', 'a:1'],
    ])
  })

  test('spreads clients evenly', () => {
    const firsts = new Map<string, number>()
    for (let client = 0; client < 3000; client += 1) {
      const server = next(new ServerList({ servers: ['a:1', 'b:1', 'c:1'] }, Math.random))
      firsts.set(server, (firsts.get(server) ?? 0) + 1)
    }
    for (const server of ['a:1', 'b:1', 'c:1']) expect(firsts.get(server)).toBeGreaterThan(800)
  })

  test('needs no dice for one server', () => {
    const random = (): number => expect.fail('thrown')
    expect(round(new ServerList({ servers: ['a:1'] }, random))).toEqual(['a:1'])
  })
})

describe('a try that came to nothing', () => {
  test('is followed by the others at once, and waits when all had their turn', () => {
    const list = listOf('a:1', 'b:1', 'c:1')
    expect(round(list)).toEqual(['a:1', 'b:1', 'c:1'])
    expect(round(list)).toEqual(['a:1', 'b:1', 'c:1'])
  })

  test('is followed by at most three others at once', () => {
    const four = listOf('a:1', 'b:1', 'c:1', 'd:1')
    expect(round(four)).toEqual(['a:1', 'b:1', 'c:1', 'd:1'])
    const five = listOf('a:1', 'b:1', 'c:1', 'd:1', 'e:1')
    expect(round(five)).toEqual(['a:1', 'b:1', 'c:1', 'd:1'])
    expect(round(five)).toEqual(['e:1', 'a:1', 'b:1', 'c:1'])
  })

  test('puts the server at the end', () => {
    const list = listOf('a:1', 'b:1')
    next(list)
    list.failed()
    expect(connect(list)).toBe('b:1')
    list.leave()
    expect(round(list)).toEqual(['a:1', 'b:1'])
  })
})

describe('a connection that is over', () => {
  test('is followed by one to another server', () => {
    const list = listOf('a:1', 'b:1', 'c:1')
    expect([connect(list), list.leave(), connect(list)]).toEqual(['a:1', true, 'b:1'])
  })

  test('is followed by one to the same server if there is no other', () => {
    const list = listOf('a:1')
    expect([connect(list), list.leave(), connect(list)]).toEqual(['a:1', false, 'a:1'])
  })

  test('is followed by one to the server that is named, then to the others', () => {
    const list = listOf('a:1', 'b:1')
    connect(list)
    expect(list.leave('c:9')).toBe(true)
    // It hears of the end after GOAWAY.
    list.leave()
    expect(round(list)).toEqual(['c:9 after 1', 'b:1 after 1'])
  })

  test('to a named server is followed by one to the configured', () => {
    const list = listOf('a:1', 'b:1')
    next(list)
    list.follow('c:9')
    expect(connect(list)).toBe('c:9 after 1')
    list.leave()
    expect(connect(list)).toBe('a:1')
  })

  test('to a named server is followed by one to it if nothing but one server is known', () => {
    const list = listOf('a:1')
    next(list)
    list.follow('c:9')
    connect(list)
    list.leave()
    expect(connect(list)).toBe('c:9')
  })
})

describe('a server that is named', () => {
  test.each(['', 'chat.example.com', '::1:7420', ':1', 'a:0', 'a:65536', 'a:1x', '[::1]', 'nestwire://a:1'])(
    'is not "%s"',
    (target) => {
      const list = listOf('b:1')
      expect([list.follow(target), next(list)]).toEqual([false, 'b:1'])
    },
  )

  test.each([
    ['chat.example.com:7420', 'chat.example.com'],
    ['[::1]:7420', '::1'],
  ])('may be %s', (target, host) => {
    const list = listOf('b:1')
    expect([list.follow(target), list.next()]).toEqual([true, { host, port: 7420, redirects: 1 }])
  })

  test('is followed eight times in a row, and again after the wait', () => {
    const list = listOf('b:1')
    const follows = Array.from({ length: 9 }, () => list.follow('a:1'))
    expect(follows).toEqual([...Array<boolean>(8).fill(true), false])
    expect(next(list)).toBe('a:1 after 8')
    expect([list.failed(), next(list), list.follow('a:1')]).toEqual([false, 'b:1', true])
  })

  test('counts on while it does not answer, and no more when one took the client', () => {
    const list = listOf('a:1', 'b:1', 'c:1')
    next(list)
    list.follow('d:9')
    next(list)
    list.failed()
    expect(connect(list)).toBe('a:1 after 1')
    list.leave()
    expect(next(list)).toBe('b:1')
  })
})

describe('members that are told', () => {
  test('come beside the seeds, in an order of the dice', () => {
    const list = new ServerList({ servers: ['seed:1'] }, last)
    list.learn(['m1:1', 'm2:1'])
    expect(round(list)).toEqual(['m1:1', 'm2:1', 'seed:1'])
  })

  test('replace those that were told before', () => {
    const list = listOf('seed:1')
    list.learn(['old:1', 'seed:1'])
    list.learn(['new:1'])
    expect(round(list)).toEqual(['seed:1', 'new:1'])
  })

  test('are left out where they are no addresses', () => {
    const list = listOf('seed:1')
    list.learn(['', 'm1', 'm2:0', '[::1]:2'])
    expect(round(list)).toEqual(['seed:1', '::1:2'])
  })

  test.each([MAX_MEMBERS - 1, MAX_MEMBERS, MAX_MEMBERS + 1])('of %i are kept up to the limit', (count) => {
    const list = listOf('seed:1')
    list.learn(Array.from({ length: count }, (_, index) => `m${index}:1`))
    const known = new Set<string>()
    for (let rounds = 0; rounds < 20; rounds += 1) for (const server of round(list)) known.add(server)
    expect(known.size).toBe(1 + Math.min(count, 64))
  })
})
