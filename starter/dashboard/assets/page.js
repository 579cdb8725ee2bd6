// The page works without this script. With it, a view is loaded again when something has
// changed, and what differs is changed in place; a chart is drawn.
"use strict";
(() => {
  const worker = document.currentScript.dataset.worker;

  // What a person has opened, typed or reached stays as it is, and so does the chart.
  const defaults = Idiomorph.defaults;
  defaults.ignoreActiveValue = true;
  defaults.callbacks.beforeNodeMorphed = (old) => !(old.nodeType === 1 && old.hasAttribute("data-keep"));
  defaults.callbacks.beforeAttributeUpdated = (name, node) => !(node.tagName === "DETAILS" && name === "open") && !(node.id === "live") && !(node.tagName === "INPUT" && name === "value" && node.type !== "hidden");
  defaults.callbacks.beforeNodeRemoved = (node) => !(node.parentElement && node.parentElement.id === "live");

  let live = "not updating by itself", on = false;
  const show = () => {
    const at = document.getElementById("live");
    if (!at) return;
    at.textContent = live;
    at.classList.toggle("on", on);
  };

  let due = false, last = 0, timer = 0;
  const least = 1500;
  const refresh = () => {
    if (document.hidden) { due = true; return; }
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0; due = false; last = Date.now();
      htmx.trigger(document.body, "ledger");
      draw();
    }, Math.max(0, least - (Date.now() - last)));
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && due) refresh(); });
  document.addEventListener("htmx:afterSettle", show);
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) location.reload();
  });

  const heard = (what) => {
    switch (what) {
      case "open": on = true; live = "live"; break;
      case "closed": on = false; live = "connection lost; trying again"; break;
      case "changed": refresh(); return;
    }
    show();
  };
  if (window.SharedWorker) {
    const port = new SharedWorker(worker, "mediaferry").port;
    port.onmessage = (message) => heard(message.data);
    port.start();
    addEventListener("pagehide", () => port.postMessage("bye"));
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  } else {
    const source = new EventSource("/events");
    source.onopen = () => heard("open");
    source.onerror = () => heard("closed");
    source.addEventListener("changed", () => heard("changed"));
  }

  // The chart of a batch: rows that ended, per second.
  let plot = null;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clock = uPlot.fmtDate("{HH}:{mm}");
  const width = (at) => Math.max(260, at.clientWidth);
  const draw = async () => {
    const at = document.getElementById("chart");
    if (!at) { plot = null; return; }
    const answer = await fetch(at.dataset.rates, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const rates = await answer.json();
    const data = [rates.at, rates.ready, rates.failed];
    if (plot && at.contains(plot.root)) { plot.setData(data); return; }
    if (rates.at.length < 2) return;
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    at.replaceChildren();
    plot = new uPlot({
      width: width(at), height: 150, cursor: { y: false }, legend: { live: true },
      scales: { y: { range: (_, low, high) => [0, Math.max(1, high * 1.1)] } },
      series: [
        { label: "at", value: (_, t) => t == null ? "–" : clock(new Date(t * 1000)) },
        { label: "ready/s", stroke: colour("--fill-good"), width: 1.5, fill: colour("--good-bg"), value: (_, v) => v == null ? "–" : v.toFixed(1) },
        { label: "failed/s", stroke: colour("--fill-bad"), width: 1.5, value: (_, v) => v == null ? "–" : v.toFixed(1) },
      ],
      axes: [{ ...axis, size: 26, values: (_, at) => at.map((t) => clock(new Date(t * 1000))) }, { ...axis, size: 44 }],
    }, data, at);
  };
  addEventListener("resize", () => { const at = document.getElementById("chart"); if (plot && at) plot.setSize({ width: width(at), height: 150 }); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { plot = null; draw(); });
  draw();
  show();
})();
