"use strict";
(() => {
  const map = document.querySelector(".map");
  document.documentElement.dataset.ready = map ? "no" : "yes";
  if (!map) return;

  // Points are colored by what the reader chooses, and marked by gene or transcript.
  const data = JSON.parse(map.querySelector("script.points").textContent);
  const canvas = map.querySelector(".canvas");
  const method = map.querySelector("select[name=method]");
  const coloring = map.querySelector("select[name=coloring]");
  const input = map.querySelector("input[type=search]");
  const answer = map.querySelector("output");
  const probe = document.createElement("canvas");
  const scatter = probe.getContext("webgl2") || probe.getContext("webgl") ? "scattergl" : "scatter";
  const options = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const axis = { showticklabels: false, zeroline: false, showgrid: false, ticks: "", title: { text: "" } };
  const layout = {
    height: 640, margin: { l: 10, r: 10, t: 10, b: 10 }, font: { family: "system-ui, sans-serif", size: 12, color: "#222" },
    xaxis: axis, yaxis: { ...axis, scaleanchor: "x" }, hovermode: "closest", uirevision: "same",
    legend: { orientation: "h", y: -0.02, yanchor: "top", itemsizing: "constant" },
  };
  const rows = data.gene.map((_, i) => i);
  const size = rows.length < 1000 ? 7 : 4;
  let marked = [];

  // plotly reads a few tags in texts: names from data are shown as they are.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const genes = data.gene.map(plain);
  const transcripts = data.transcript.map(plain);
  const pick = (values, chosen) => chosen.map((i) => values[i]);

  const points = (chosen, name, marker) => {
    const [x, y] = data.methods[method.value];
    return {
      type: scatter, mode: "markers", name: plain(name), x: pick(x, chosen), y: pick(y, chosen), marker,
      text: pick(genes, chosen), customdata: pick(transcripts, chosen),
      hovertemplate: "<b>%{text}</b> %{customdata}<extra>%{fullData.name}</extra>",
    };
  };

  const quantity = (scheme) => {
    const known = rows.filter((i) => scheme.values[i] !== null);
    const unknown = rows.filter((i) => scheme.values[i] === null);
    const colorbar = { title: { text: plain(coloring.value), side: "right" }, thickness: 14, ...scheme.ticks };
    return [
      points(unknown, "not measured", { size: 3, opacity: 0.35, color: "#c8c8c8" }),
      points(known, coloring.value, {
        size, opacity: 0.8, color: pick(scheme.values, known), colorscale: "Cividis",
        cmin: scheme.range[0], cmax: scheme.range[1], colorbar,
      }),
    ];
  };

  const classes = (scheme) => scheme.names.map((name, n) => points(rows.filter((i) => scheme.index[i] === n), name, {
    size: scheme.pale[n] ? 3 : size + 1, opacity: scheme.pale[n] ? 0.3 : 0.8, color: scheme.colors[n], symbol: scheme.symbols[n],
  }));

  const marks = () => ({
    ...points(marked, "found", { size: 16, symbol: "circle-open", color: "#000", line: { width: 3 } }),
    type: "scatter", mode: "markers+text", showlegend: false, textposition: "top center", textfont: { size: 15, color: "#000" },
  });

  const draw = () => {
    const scheme = data.colorings[coloring.value];
    return Plotly.react(canvas, [...(scheme.values ? quantity(scheme) : classes(scheme)), marks()], layout, options);
  };

  const search = () => {
    const key = (name) => name.trim().toLowerCase().replace(/\.\d+$/, "");
    const wanted = key(input.value);
    marked = wanted ? rows.filter((i) => [data.gene[i], data.transcript[i], data.gene_id[i]].some((name) => key(name) === wanted)) : [];
    const names = marked.slice(0, 8).map((i) => `${data.gene[i]} (${data.transcript[i]})`).join(", ");
    answer.textContent = !wanted ? "" : marked.length
      ? `Marked on the map: ${names}${marked.length > 8 ? ", …" : ""}` : `${input.value.trim()} is not on the map`;
    draw();
  };

  method.addEventListener("change", draw);
  coloring.addEventListener("change", draw);
  map.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); search(); });
  input.addEventListener("search", search);
  for (const when of ["beforeprint", "afterprint"]) window.addEventListener(when, () => Plotly.Plots.resize(canvas));
  draw().then(() => { document.documentElement.dataset.ready = "yes"; });
})();
