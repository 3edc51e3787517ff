// Preloaded by tests: makes the process believe that its Node is an old one.

Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })
