// The list, the switches, and what mouse, fingers and keys do.

const byId = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const css = (rgb) => `rgb(${rgb.join(" ")})`;

function readScene() {
  const scene = JSON.parse(byId("scene").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  scene.positions = new Uint16Array(bytes(scene.positions).buffer);
  scene.owners = new Uint16Array(bytes(scene.owners).buffer);
  scene.labels = bytes(scene.labels);
  if (scene.truth) scene.truth = new Uint16Array(bytes(scene.truth).buffer);
  if (scene.corrected) scene.corrected = bytes(scene.corrected);
  scene.colorings.forEach((c) => { c.rgb = bytes(c.rgb); });
  return scene;
}

function start(scene) {
  const objects = scene.objects.filter((o) => o.size);  // index 0 is "none"; some have no record
  const canvas = byId("view"), list = byId("list");
  let viewer = null, chosen = 0, hovered = 0;
  try {
    viewer = new Viewer(canvas, scene);
  } catch (error) {
    byId("failure").hidden = false;
    byId("failure").textContent = error.message;
  }

  const cubes = scene.count.toLocaleString("en"), edge = +(scene.edge * 100).toPrecision(3);
  byId("summary").textContent = `${objects.length} objects in ${cubes} cubes of ${edge} cm`;

  // ---- colours
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let mode = "instance", neutral = scene.objects[0].color;  // of what belongs to no object
  const modes = {
    instance: ["instance", (i) => scene.owners[i] ? scene.objects[scene.owners[i]].color : neutral],
    class: ["class", (i) => scene.classes[scene.labels[i]].color],
    score: ["score", (i) => scene.objects[scene.owners[i]].scoreColor ?? neutral],
    ...(scene.corrected && { corrected: ["corrected class", (i) => scene.classes[scene.corrected[i]].color] }),
    ...Object.fromEntries(scene.colorings.map(({ name, rgb }) => [name, [name, (i) => rgb.subarray(3 * i, 3 * i + 3)]])),
    ...(scene.truth && { truth: ["true instance", (i) => scene.truth[i] ? scene.truthColors[scene.truth[i]] : neutral] }),
  };
  const hidden = { classes: new Set(), objects: new Set() };
  const classesOf = () => mode === "corrected" ? scene.corrected : scene.labels;
  function colorBy(chosenMode) {
    mode = chosenMode;
    const colors = new Uint8Array(4 * scene.count), [, color] = modes[mode];
    const labels = classesOf();
    for (let i = 0; i < scene.count; i++) {
      colors.set(color(i), 4 * i);  // no opacity: not drawn
      colors[4 * i + 3] = hidden.classes.has(labels[i]) || hidden.objects.has(scene.owners[i]) ? 0 : 255;
    }
    viewer?.recolor(colors);
    const legend = byId("legend");
    legend.replaceChildren();
    if (mode === "class" || mode === "corrected") {
      for (const index of new Set(labels)) {
        const { name, color } = scene.classes[index], entry = make("button", "", name), swatch = make("i", "swatch");
        entry.title = `Hide or show ${name}`;
        entry.setAttribute("aria-pressed", !hidden.classes.has(index));
        entry.addEventListener("click", () => toggle(hidden.classes, index));
        swatch.style.background = css(color);
        swatch.style.margin = 0;
        entry.prepend(swatch);
        legend.append(entry);
      }
    } else if (mode === "score") {
      const ramp = make("i", "ramp"), entry = make("span");
      ramp.style.background = `linear-gradient(to right, ${scene.ramp.map(css).join()})`;
      entry.append("0", ramp, "1");
      legend.append(entry);
    }
  }
  function toggle(set, index) {
    if (!set.delete(index)) set.add(index);
    for (const o of objects) o.row.classList.toggle("hidden", hidden.objects.has(o.index));
    colorBy(mode);
  }
  for (const [value, [name]] of Object.entries(modes)) {
    const label = make("label"), input = make("input");
    Object.assign(input, { type: "radio", name: "mode", value, checked: value === mode });
    input.addEventListener("change", () => colorBy(value));
    label.append(input, name);
    byId("modes").append(label);
  }

  // ---- the list
  const meters = (v) => v.toFixed(2);
  const columns = [
    ["id", (o) => o.id],
    ["class", (o) => o.name],
    ["score", (o) => o.score],
    ["size (m)", (o) => o.size[0] * o.size[1] * o.size[2]],
    ["position (m)", (o) => o.centroid[0]],
  ];
  const head = make("div", "row head");
  head.setAttribute("role", "row");
  columns.forEach(([name, key], column) => {
    const cell = make("span"), button = make("button", "", name);
    cell.setAttribute("role", "columnheader");
    button.addEventListener("click", () => {
      const rising = button.getAttribute("aria-sort") ? button.getAttribute("aria-sort") !== "ascending" : column < 2;
      head.querySelectorAll("button").forEach((b) => b.removeAttribute("aria-sort"));
      button.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const order = [...objects].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * (rising ? 1 : -1));
      order.forEach((o) => list.append(o.row));
    });
    cell.append(button);
    head.append(cell);
  });
  list.append(head);
  for (const object of objects) {
    const row = object.row = make("div", "row object"), swatch = make("i", "swatch");
    swatch.style.background = css(object.color);
    swatch.title = "Hide or show this object (h)";
    swatch.addEventListener("click", (event) => { event.stopPropagation(); toggle(hidden.objects, object.index); });
    const cells = [String(object.id), object.name, meters(object.score),
      object.size.map(meters).join("×"), object.centroid.map(meters).join(" ")].map((text) => make("span", "", text));
    cells[0].prepend(swatch);
    cells[3].className = cells[4].className = "quiet";
    cells.forEach((cell) => cell.setAttribute("role", "cell"));
    cells[1].title = `${object.name}, ${object.voxels} voxels`;
    row.append(...cells);
    row.setAttribute("role", "row");
    row.tabIndex = 0;
    row.addEventListener("click", () => choose(object.index === chosen ? 0 : object.index));
    row.addEventListener("dblclick", () => approach(object.index));
    row.addEventListener("pointerenter", () => hover(object.index));
    row.addEventListener("pointerleave", () => hover(0));
    row.addEventListener("keydown", (event) => {
      const step = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
      if (step?.tabIndex === 0) step.focus();
      else if (event.key === "Enter") approach(object.index);
      else if (event.key === "h") toggle(hidden.objects, object.index);
      else if (event.key === " ") choose(object.index === chosen ? 0 : object.index);
      else if (!step) return;
      event.preventDefault();
    });
    list.append(row);
    object.tag = make("span", "", `${object.id} ${object.name}`);
    byId("labels").append(object.tag);
  }

  // ---- what is marked
  function mark() {
    for (const o of objects) {
      o.row.classList.toggle("chosen", o.index === chosen);
      o.row.classList.toggle("over", o.index === hovered);
      o.tag.classList.toggle("chosen", o.index === chosen || o.index === hovered);
      o.row.setAttribute("aria-selected", o.index === chosen);
    }
    if (!viewer) return;
    Object.assign(viewer, { chosen, hovered });
    const boxed = objects.filter((o) => viewer.options.boxes || o.index === chosen || o.index === hovered);
    const lines = [[], [], []];
    for (const o of boxed) addBox(o, lines);
    viewer.setLines(...lines);
    viewer.redraw();
  }
  function addBox(o, [starts, ends, colors]) {
    const [c, s] = [Math.cos(o.yaw), Math.sin(o.yaw)], half = o.size.map((v) => v / 2 + 0.01);
    const corner = (bits) => {
      const [x, y, z] = half.map((v, i) => (bits >> i & 1 ? v : -v));
      return [o.center[0] + c * x - s * y, o.center[1] + s * x + c * y, o.center[2] + z];
    };
    for (let bits = 0; bits < 8; bits++)
      for (const axis of [1, 2, 4])
        if (!(bits & axis)) {
          starts.push(...corner(bits));
          ends.push(...corner(bits | axis));
          const strong = o.index === chosen || o.index === hovered;
          colors.push(...(strong ? viewer.theme.accent : o.color.map((v) => v / 255)), strong ? 1 : 0.9);
        }
  }
  function hover(index) {
    if (index === hovered) return;
    hovered = index;
    canvas.classList.toggle("over", index > 0);
    mark();
  }
  function choose(index) {
    chosen = index;
    mark();
    scene.objects[index].row?.scrollIntoView({ block: "nearest" });
  }
  function approach(index) {
    const o = scene.objects[index];
    choose(index);
    if (o.size) viewer?.fly({ target: o.center, distance: Math.max(2.5, 5 * Math.hypot(...o.size)) });
  }
  if (!viewer) return;

  // ---- names beside the objects: the better score wins the place
  const order = [...objects].sort((a, b) => b.score - a.score);
  viewer.afterDraw = () => {
    const taken = [], show = byId("show-labels").checked;
    const first = order.filter((o) => o.index === chosen || o.index === hovered);
    for (const o of new Set([...first, ...order])) {
      const at = viewer.project([o.centroid[0], o.centroid[1], o.center[2] + o.size[2] / 4]);
      const visible = at && !hidden.objects.has(o.index) && (show || first.includes(o));
      const width = 6.4 * o.tag.textContent.length + 6;
      const clash = visible && taken.some(([x, y, w]) => Math.abs(x - at[0]) < (w + width) / 2 && Math.abs(y - at[1]) < 17);
      o.tag.style.display = visible && !clash ? "" : "none";
      if (!visible || clash) continue;
      taken.push([at[0], at[1], width]);
      o.tag.style.transform = `translate(${at[0].toFixed(1)}px, ${(at[1] - 8).toFixed(1)}px) translate(-50%, -50%)`;
    }
  };

  // ---- switches
  const options = viewer.options;
  const bind = (id, use) => byId(id).addEventListener("input", (event) => { use(event.target); mark(); });
  bind("show-labels", () => {});
  bind("show-boxes", (input) => { options.boxes = input.checked; });
  bind("show-surroundings", (input) => { options.surroundings = input.checked; });
  bind("see-through", (input) => { options.seeThrough = input.checked; });
  const cut = byId("cut"), height = scene.high[2] - scene.floor + scene.edge;
  const setCut = () => {
    const above = cut.value / 100 * height;
    options.cut = scene.floor + above;
    byId("cut-value").textContent = cut.value === "100" ? "— nothing" : `${above.toFixed(1)} m`;
  };
  cut.value = Math.min(100, Math.round(100 * scene.cut / height));
  setCut();
  bind("cut", setCut);

  // ---- what is under the pointer
  function tell(x, y) {
    const cube = viewer.cubeAt(x, y), place = byId("place");
    place.hidden = cube < 0;
    if (cube < 0) return;
    const at = viewer.placeOf(cube).map((v) => v.toFixed(2)).join(", ");
    place.textContent = `${at} m · ${scene.classes[classesOf()[cube]].name}`;
  }

  // ---- mouse, fingers, keys
  const pointers = new Map();
  let travelled = 0;
  const settle = () => { viewer.moving = false; viewer.redraw(); };
  let settling = 0;
  const move = () => { viewer.moving = true; clearTimeout(settling); settling = setTimeout(settle, 160); };
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (pointers.size === 1) travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      hover(viewer.pick(event.offsetX, event.offsetY));
      tell(event.offsetX, event.offsetY);
      return;
    }
    const now = [event.offsetX, event.offsetY], dx = now[0] - before[0], dy = now[1] - before[1];
    travelled += Math.hypot(dx, dy);
    move();
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      viewer.zoom(apart(before) / Math.max(1, apart(now)));
      viewer.pan(dx / 2, dy / 2);
    } else if (event.buttons & 6 || event.shiftKey || event.ctrlKey) viewer.pan(dx, dy);
    else viewer.orbit(dx * 0.008, dy * 0.008);
    pointers.set(event.pointerId, now);
  });
  const lift = (event) => {
    const wasDown = pointers.delete(event.pointerId);
    if (event.type === "pointerup" && wasDown && travelled < 5 && pointers.size === 0)
      choose(viewer.pick(event.offsetX, event.offsetY));
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => { hover(0); byId("place").hidden = true; });
  canvas.addEventListener("dblclick", (event) => approach(viewer.pick(event.offsetX, event.offsetY)));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    move();
    viewer.zoom(Math.exp(Math.max(-80, Math.min(80, event.deltaY)) * 0.0022));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const [turn, shift] = [0.12, 30], pan = event.shiftKey;
    const actions = {
      ArrowLeft: () => pan ? viewer.pan(shift, 0) : viewer.orbit(turn, 0),
      ArrowRight: () => pan ? viewer.pan(-shift, 0) : viewer.orbit(-turn, 0),
      ArrowUp: () => pan ? viewer.pan(0, shift) : viewer.orbit(0, turn),
      ArrowDown: () => pan ? viewer.pan(0, -shift) : viewer.orbit(0, -turn),
      "+": () => viewer.zoom(0.85), "=": () => viewer.zoom(0.85), "-": () => viewer.zoom(1 / 0.85),
      Home: () => viewer.fly({ ...viewer.home }),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") choose(0); });

  // ---- light or dark
  const paint = () => {
    const style = getComputedStyle(document.documentElement);
    const rgb = (name) => [1, 3, 5].map((i) => parseInt(style.getPropertyValue(name).trim().substr(i, 2), 16) / 255);
    viewer.theme = { ground: rgb("--ground"), accent: rgb("--accent") };
    neutral = dark.matches ? scene.objects[0].color.map((v) => v >> 1) : scene.objects[0].color;
    colorBy(mode);
    mark();
  };
  dark.addEventListener("change", paint);
  paint();
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    byId("failure").hidden = false;
    byId("failure").textContent = "The graphics device was lost; reload the page.";
  });
  return viewer;
}

window.viewer = start(readScene());
