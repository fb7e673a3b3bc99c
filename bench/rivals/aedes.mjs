// aedes, an MQTT broker for Node, with its default in-memory persistence. argv: port
import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const broker = await Aedes.createBroker({ concurrency: 1_000 })
createServer({ noDelay: true }, broker.handle).listen({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  backlog: 4096,
})
