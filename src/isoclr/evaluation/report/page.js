"use strict";
(() => {
  const options = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const canvas3d = document.createElement("canvas");
  const hasWebgl = Boolean(canvas3d.getContext("webgl2") || canvas3d.getContext("webgl"));

  const drawable = (traces) =>
    hasWebgl ? traces : traces.map((t) => (t.type === "scattergl" ? { ...t, type: "scatter" } : t));

  for (const chart of document.querySelectorAll(".chart")) {
    const spec = JSON.parse(chart.querySelector("script.spec").textContent);
    Plotly.newPlot(chart.querySelector(".canvas"), drawable(spec.data), spec.layout, options);
  }

  // The map: points are coloured by what the reader chooses, and found by gene or transcript.
  const map = document.querySelector(".map");
  if (map) {
    const data = JSON.parse(map.querySelector("script.points").textContent);
    const canvas = map.querySelector(".canvas");
    const method = map.querySelector("select[name=method]");
    const colour = map.querySelector("select[name=colour]");
    const input = map.querySelector("input[type=search]");
    const answer = map.querySelector("output");
    let marked = [];

    const hover = "<b>%{text}</b> %{customdata}<extra>%{fullData.name}</extra>";
    const points = (rows, name, marker) => {
      const [x, y] = data.methods[method.value];
      const at = (list) => rows.map((i) => list[i]);
      return {
        type: "scattergl", mode: "markers", name, x: at(x), y: at(y), text: at(data.gene),
        customdata: at(data.transcript), hovertemplate: hover, marker,
      };
    };

    const everyRow = data.gene.map((_, i) => i);
    const coloured = () => {
      const scheme = data.colours[colour.value];
      if (scheme.values) {
        const known = everyRow.filter((i) => scheme.values[i] !== null);
        const unknown = everyRow.filter((i) => scheme.values[i] === null);
        const marker = {
          size: 4, opacity: 0.8, color: known.map((i) => scheme.values[i]), colorscale: "Cividis",
          cmin: scheme.range[0], cmax: scheme.range[1],
          colorbar: { title: { text: colour.value, side: "right" }, thickness: 14, ...scheme.ticks },
        };
        return [
          points(unknown, "not measured", { size: 3, opacity: 0.35, color: "#c8c8c8" }),
          points(known, colour.value, marker),
        ];
      }
      return scheme.names.map((name, n) => {
        const rows = everyRow.filter((i) => scheme.index[i] === n);
        return points(rows, name, {
          size: scheme.quiet[n] ? 3 : 5, opacity: scheme.quiet[n] ? 0.3 : 0.8,
          color: scheme.colours[n], symbol: scheme.symbols[n],
        });
      });
    };

    const found = () => {
      const [x, y] = data.methods[method.value];
      return {
        type: "scatter", mode: "markers+text", name: "found", showlegend: false,
        x: marked.map((i) => x[i]), y: marked.map((i) => y[i]),
        text: marked.map((i) => data.gene[i]), textposition: "top center",
        textfont: { size: 15, color: "#000" },
        marker: { size: 16, symbol: "circle-open", color: "#000", line: { width: 3 } },
        customdata: marked.map((i) => data.transcript[i]), hovertemplate: hover,
      };
    };

    const draw = () => Plotly.react(canvas, drawable([...coloured(), found()]), data.layout, options);

    const search = () => {
      const wanted = input.value.trim().toLowerCase();
      const plain = (name) => name.toLowerCase().replace(/\.\d+$/, "");
      const is = (i) => plain(data.gene[i]) === wanted || plain(data.transcript[i]) === plain(wanted)
        || plain(data.gene_id[i]) === plain(wanted);
      marked = wanted ? everyRow.filter(is) : [];
      const names = marked.map((i) => `${data.gene[i]} (${data.transcript[i]})`);
      answer.textContent = !wanted ? "" : marked.length
        ? `Marked on the map: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}`
        : `${input.value.trim()} is not on the map`;
      draw();
    };

    method.addEventListener("change", draw);
    colour.addEventListener("change", draw);
    map.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); search(); });
    input.addEventListener("search", search);
    draw();
  }

  // Paper has no screen's width: draw anew for it, and again for the screen.
  const refit = () => document.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.Plots.resize(plot));
  window.addEventListener("beforeprint", refit);
  window.addEventListener("afterprint", refit);
  document.documentElement.dataset.ready = "yes";
})();
