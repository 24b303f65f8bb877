// read_events - prints what happens to npm's EventSource, one JSON object a line
// SPDX-License-Identifier: MPL-2.0
//
// usage: node read_events.mjs NODE_MODULES_DIR URL TYPE...
import { createRequire } from "node:module";

const [modules, url, ...types] = process.argv.slice(2);
const { EventSource } = createRequire(`${modules}/`)("eventsource");

const states = ["connecting", "open", "closed"];
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const source = new EventSource(url);
source.onopen = () => say({ state: "open" });
source.onerror = () => say({ state: states[source.readyState] });
for (const type of new Set(["message", ...types])) {
  source.addEventListener(type, (event) =>
    say({ type: event.type, data: event.data, last_id: event.lastEventId }));
}
