// read_events - prints what npm's EventSource hands to a page, one JSON object a line
// SPDX-License-Identifier: MPL-2.0
//
// usage: node read_events.mjs NODE_MODULES_DIR URL TOKEN TYPE...
// EventSource hands over named events only to listeners of that name. Ends when it is told to.
import { createRequire } from "node:module";

const [modules, url, token, ...types] = process.argv.slice(2);
const { EventSource } = createRequire(`${modules}/`)("eventsource");

const source = new EventSource(url, {
  fetch: (input, init) =>
    fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
source.onopen = () => say({ opened: true });
source.onerror = (error) => say({ failed: error.message ?? "closed", code: error.code });
for (const type of types) {
  source.addEventListener(type, (event) =>
    say({ id: event.lastEventId, type: event.type, data: JSON.parse(event.data) }));
}
