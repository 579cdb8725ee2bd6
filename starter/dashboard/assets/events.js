// One stream of events for all open pages of this browser: it has six connections to a
// server, and each page would take one.
"use strict";
const ports = new Set();
let source = null, open = false;
const tell = (what) => { for (const port of ports) port.postMessage(what); };
const connect = () => {
  source = new EventSource("/events");
  source.onopen = () => { open = true; tell("open"); };
  source.addEventListener("changed", () => tell("changed"));
  source.onerror = () => {
    open = false;
    tell("closed");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  };
};
onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => { if (message.data === "bye") ports.delete(port); };
  if (!source) connect();
  else if (open) port.postMessage("open");
};
