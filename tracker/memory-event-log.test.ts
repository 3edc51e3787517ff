import t from 'tap'
import { eventLogContract } from './event-log-contract.ts'
import { MemoryEventLog } from './memory-event-log.ts'

t.test('the event log in memory keeps the contract', async t => {
  eventLogContract(t, (_name, options) => new MemoryEventLog(options))
})
