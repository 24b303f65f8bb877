// sse_node - a plain Node.js server of event streams, as one would write it
// SPDX-License-Identifier: MPL-2.0
//
// Takes "CHANNEL PAYLOAD" LF on one port, and GET /s/CHANNEL on another; says both on stdout.
import http from "node:http";
import net from "node:net";
import readline from "node:readline";

const channels = new Map();
let offset = 0;

const web = http.createServer((request, response) => {
    const channel = request.url.slice("/s/".length);
    response.writeHead(200, {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
        "Connection": "close",
    });
    response.flushHeaders();
    if (!channels.has(channel)) {
        channels.set(channel, new Set());
    }
    const clients = channels.get(channel);
    clients.add(response);
    response.on("close", () => clients.delete(response));
});

const feed = net.createServer((socket) => {
    readline.createInterface({input: socket}).on("line", (line) => {
        const space = line.indexOf(" ");
        const clients = channels.get(line.slice(0, space));
        offset += 1;
        if (clients === undefined) {
            return;
        }
        const frame = `id: 00c0ffee00c0ffee-${offset}\n` +
            `event: aider.session_progress\ndata: ${line.slice(space + 1)}\n\n`;
        for (const response of clients) {
            response.write(frame);
        }
    });
    socket.on("close", () => process.exit(0));
});

web.listen({port: 0, host: "127.0.0.1", backlog: 4096}, () => {
    feed.listen(0, "127.0.0.1", () => {
        console.log(`http ${web.address().port} feed ${feed.address().port}`);
    });
});
