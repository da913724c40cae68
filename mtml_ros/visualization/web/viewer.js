"use strict";
// Draws the scene with WebGL 2: cubes as instances, then depth-aware light, outlines and boxes.

const CUBE_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 position;  // whole steps from the origin
layout(location = 1) in vec4 color;
layout(location = 2) in float owner;    // 0: no object
uniform mat4 viewProjection;
uniform vec3 origin, eye, middle;
uniform float stepLength, edge, cutHeight, skirting, pixel;
uniform bool surroundings, seeThrough;
out vec3 vColor;
out vec2 vFace;
out float vReach;
flat out int vAxis;
flat out float vOwner;
flat out int vCube;
const vec2 CORNERS[6] = vec2[6](vec2(-1, -1), vec2(1, -1), vec2(1, 1), vec2(-1, -1), vec2(1, 1), vec2(-1, 1));
void main() {
  vec3 center = origin + stepLength * position;
  int axis = gl_VertexID / 6;  // only the three faces that look at the eye
  vec2 corner = CORNERS[gl_VertexID % 6];
  float size = edge * 0.5;
  if (color.a == 0.0) size = 0.0;  // hidden
  else if (owner == 0.0) {
    if (!surroundings || center.z > cutHeight) size = 0.0;
    else if (seeThrough && center.z > skirting) {
      float towards = dot(center.xy - middle.xy, normalize(eye.xy - middle.xy + 1e-6));
      size *= 1.0 - smoothstep(0.0, 8.0 * edge, towards);
    }
  }
  // far away no cube gets smaller than a pixel: a wide outdoor scene would vanish
  if (size > 0.0) size = max(size, 0.5 * pixel * (viewProjection * vec4(center, 1.0)).w);
  vec3 away;
  away[axis] = eye[axis] < center[axis] ? -1.0 : 1.0;
  away[(axis + 1) % 3] = corner.x;
  away[(axis + 2) % 3] = corner.y;
  gl_Position = size > 0.0 ? viewProjection * vec4(center + away * size, 1.0) : vec4(2, 2, 2, 1);
  vColor = color.rgb;
  vFace = corner;
  vAxis = axis;
  vOwner = owner;
  vCube = gl_InstanceID;
}`;

const CUBE_FRAGMENT = `#version 300 es
precision highp float;
in vec3 vColor;
in vec2 vFace;
flat in int vAxis;
flat in float vOwner;
flat in int vCube;
layout(location = 0) out vec4 outColor;
layout(location = 1) out vec4 outOwner;
layout(location = 2) out vec4 outCube;
void main() {
  float light = vAxis == 2 ? 1.0 : (vAxis == 0 ? 0.87 : 0.76);
  vec2 pixel = fwidth(vFace);  // of a face's half width; outlines fade where cubes get tiny
  vec2 line = smoothstep(1.0 - 2.0 * pixel - 0.03, 1.0 - pixel, abs(vFace));
  light *= 1.0 - 0.2 * max(line.x, line.y) * (1.0 - smoothstep(0.12, 0.45, max(pixel.x, pixel.y)));
  outColor = vec4(vColor * light, 1.0);
  float high = floor(vOwner / 256.0);
  outOwner = vec4(vOwner - 256.0 * high, high, 255.0, 255.0) / 255.0;
  outCube = vec4(ivec4(vCube & 255, vCube >> 8 & 255, vCube >> 16, 255)) / 255.0;
}`;

const SCREEN_VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1);
}`;

// Eye-dome lighting (Boucheny 2009): a pixel darkens with what lies nearer around it.
const SCREEN_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D colors, owners, depths;
uniform vec3 ground;
uniform vec3 accent;
uniform float near, far, pixels;
uniform int chosen, hovered;
out vec4 outColor;
float meters(ivec2 at) {
  ivec2 top = textureSize(depths, 0) - 1;
  float d = texelFetch(depths, clamp(at, ivec2(0), top), 0).r;
  return 2.0 * near * far / (far + near - (2.0 * d - 1.0) * (far - near));
}
int ownerAt(ivec2 at) {
  ivec2 top = textureSize(owners, 0) - 1;
  vec4 o = texelFetch(owners, clamp(at, ivec2(0), top), 0) * 255.0;
  return int(o.r + 0.5) + 256 * int(o.g + 0.5);
}
void main() {
  ivec2 here = ivec2(gl_FragCoord.xy);
  vec4 color = texelFetch(colors, here, 0);
  bool empty = color.a == 0.0;
  float depth = log2(meters(here)), shade = 0.0;
  int owner = ownerAt(here);
  int marked = hovered != 0 ? hovered : chosen;
  float rim = 0.0;
  for (int i = 0; i < 8; i++) {
    float angle = 0.7853982 * float(i);
    vec2 way = vec2(cos(angle), sin(angle));
    shade += clamp(depth - log2(meters(here + ivec2(round(way * 2.5 * pixels)))), 0.0, 0.15);
    int other = ownerAt(here + ivec2(round(way * 1.5 * pixels)));
    if (marked != 0 && other != owner && (other == marked || owner == marked)) rim = 1.0;
  }
  vec3 lit = color.rgb * exp(-7.0 * shade / 8.0);
  if (chosen != 0 && owner != chosen && owner != hovered) {
    float grey = dot(lit, vec3(0.3, 0.59, 0.11));
    lit = mix(mix(vec3(grey), lit, 0.25), ground, 0.45);
  }
  outColor = vec4(mix(empty ? ground : lit, accent, rim), 1.0);
}`;

const LINE_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 start;
layout(location = 1) in vec3 end;
layout(location = 2) in vec4 color;
uniform mat4 viewProjection;
uniform vec2 size;
uniform float width;
out vec4 vColor;
void main() {
  vec4 a = viewProjection * vec4(start, 1.0), b = viewProjection * vec4(end, 1.0);
  vColor = color;
  if (a.w < 0.01 || b.w < 0.01) { gl_Position = vec4(2, 2, 2, 1); return; }
  vec2 along = normalize((b.xy / b.w - a.xy / a.w) * size + 1e-6);
  vec2 across = vec2(-along.y, along.x) * width / size;
  int corner = gl_VertexID;  // 0 1 2 2 1 3
  bool far = corner == 1 || corner == 4 || corner == 5;
  bool right = corner == 2 || corner == 3 || corner == 5;
  vec4 p = far ? b : a;
  gl_Position = vec4(p.xy + across * (right ? 1.0 : -1.0) * p.w, p.zw);
}`;

const LINE_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D depths;
in vec4 vColor;
out vec4 outColor;
void main() {
  bool hidden = gl_FragCoord.z > texelFetch(depths, ivec2(gl_FragCoord.xy), 0).r;
  outColor = vec4(vColor.rgb, vColor.a * (hidden ? 0.25 : 1.0));
}`;

const HALF_VIEW = 0.24;  // radians from the middle of the picture to its nearer edge

class Viewer {
  constructor(canvas, scene) {
    const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser offers no WebGL 2, so the scene cannot be drawn.");
    Object.assign(this, { canvas, gl, scene, chosen: 0, hovered: 0, moving: false, slow: false });
    this.options = { surroundings: true, seeThrough: true, boxes: false, cut: Infinity };
    this.theme = { ground: [1, 1, 1], accent: [0, 0, 1] };
    this.afterDraw = () => {};
    this.cubes = this.program(CUBE_VERTEX, CUBE_FRAGMENT);
    this.screen = this.program(SCREEN_VERTEX, SCREEN_FRAGMENT);
    this.lines = this.program(LINE_VERTEX, LINE_FRAGMENT);
    this.cubeArray = this.attributes([
      [scene.positions, 3, gl.UNSIGNED_SHORT, false],
      [new Uint8Array(4 * scene.count), 4, gl.UNSIGNED_BYTE, true],
      [scene.owners, 1, gl.UNSIGNED_SHORT, false],
    ]);
    this.lineArray = this.attributes([[new Float32Array(0), 3, gl.FLOAT, false],
      [new Float32Array(0), 3, gl.FLOAT, false], [new Float32Array(0), 4, gl.FLOAT, false]]);
    this.emptyArray = gl.createVertexArray();
    const middle = scene.low.map((v, i) => (v + scene.high[i]) / 2);
    this.radius = Math.max(0.5, Math.hypot(...scene.high.map((v, i) => v - scene.low[i])) / 2);
    this.middle = middle;
    const [low, high] = scene.most;  // stray cubes far off do not make all else small
    const target = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, Math.min((low[2] + high[2]) / 2, scene.floor + 0.5)];
    const reach = Math.max(0.5, Math.hypot(...high.map((v, i) => v - low[i])) / 2);
    this.home = { target, distance: reach / Math.sin(HALF_VIEW), azimuth: scene.azimuth, elevation: 0.87 };
    this.camera = { ...this.home, target: [...target] };
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  program(vertex, fragment) {
    const gl = this.gl, program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
        throw new Error("A shader does not compile: " + gl.getShaderInfoLog(shader));
    }
    gl.linkProgram(program);
    const at = {}, count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS);
    for (let i = 0; i < count; i++) {
      const name = gl.getActiveUniform(program, i).name;
      at[name] = gl.getUniformLocation(program, name);
    }
    return { program, at };
  }

  attributes(columns) {  // one value an instance each
    const gl = this.gl, array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const buffers = columns.map(([data, size, type, normalized], i) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, size, type, normalized, 0, 0);
      gl.vertexAttribDivisor(i, 1);
      return buffer;
    });
    return { array, buffers, count: columns[0][0].length / columns[0][1] };
  }

  fill(buffer, data) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.DYNAMIC_DRAW);
  }

  recolor(colors) {  // (4 * count) bytes
    this.fill(this.cubeArray.buffers[1], colors);
    this.redraw();
  }

  setLines(starts, ends, colors) {
    [starts, ends, colors].forEach((data, i) => this.fill(this.lineArray.buffers[i], new Float32Array(data)));
    this.lineArray.count = starts.length / 3;
  }

  redraw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  eye() {
    const { target, distance, azimuth, elevation } = this.camera, flat = distance * Math.cos(elevation);
    return [target[0] + flat * Math.cos(azimuth), target[1] + flat * Math.sin(azimuth),
      target[2] + distance * Math.sin(elevation)];
  }

  axes() {  // right, up, towards the eye
    const { azimuth: a, elevation: e } = this.camera;
    const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
    return [[-sa, ca, 0], [-ca * se, -sa * se, ce], [ca * ce, sa * ce, se]];
  }

  matrix() {
    const eye = this.eye(), rows = this.axes(), zoom = 1 / Math.tan(HALF_VIEW);
    const aspect = this.canvas.width / this.canvas.height;
    const reach = Math.hypot(...eye.map((v, i) => v - this.middle[i])) + this.radius;
    const far = Math.max(reach, 1), near = Math.max(0.02, Math.min(reach - 2 * this.radius, far / 4));
    const narrow = Math.min(1, aspect);  // a tall window must show the whole width too
    const scale = [zoom * narrow / aspect, zoom * narrow, -(far + near) / (far - near)];
    const m = new Float32Array(16);
    rows.forEach((row, r) => {
      const shift = -row.reduce((sum, v, i) => sum + v * eye[i], 0);
      [...row, shift].forEach((v, c) => {
        m[4 * c + r] = v * scale[r];
        if (r === 2) m[4 * c + 3] = -v;
      });
    });
    m[14] -= 2 * far * near / (far - near);
    return { m, near, far, eye };
  }

  project([x, y, z]) {  // CSS pixels from the canvas's corner, and depth; null behind the eye
    const m = this.matrix().m, w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w < 0.01) return null;
    const u = (m[0] * x + m[4] * y + m[8] * z + m[12]) / w, v = (m[1] * x + m[5] * y + m[9] * z + m[13]) / w;
    return [(u + 1) / 2 * this.canvas.clientWidth, (1 - v) / 2 * this.canvas.clientHeight, w];
  }

  resize() {
    // twice the screen's pixels smooths edges; single while moving where the machine is slow
    const { gl, canvas } = this, scale = this.moving && this.slow ? 1 : Math.max(2, window.devicePixelRatio);
    const width = Math.max(1, Math.round(canvas.clientWidth * scale));
    const height = Math.max(1, Math.round(canvas.clientHeight * scale));
    if (this.target && canvas.width === width && canvas.height === height) return scale;
    Object.assign(canvas, { width, height });
    if (this.target) this.target.textures.forEach((t) => gl.deleteTexture(t));
    this.target ??= { frame: gl.createFramebuffer() };
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.frame);
    this.target.textures = [gl.RGBA8, gl.RGBA8, gl.DEPTH_COMPONENT24, gl.RGBA8].map((format, i) => {
      const texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      const place = i === 2 ? gl.DEPTH_ATTACHMENT : gl.COLOR_ATTACHMENT0 + Math.min(i, 2);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, place, gl.TEXTURE_2D, texture, 0);
      return texture;
    });
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1, gl.COLOR_ATTACHMENT2]);
    return scale;
  }

  draw() {
    const { gl, scene, options, theme } = this, began = performance.now();
    const scale = this.resize(), { m, near, far, eye } = this.matrix();
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.frame);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    let at = this.cubes.at;
    gl.useProgram(this.cubes.program);
    gl.uniformMatrix4fv(at.viewProjection, false, m);
    gl.uniform3fv(at.origin, scene.origin);
    gl.uniform3fv(at.eye, eye);
    gl.uniform3fv(at.middle, this.middle);
    gl.uniform1f(at.stepLength, scene.step);
    gl.uniform1f(at.edge, scene.edge);
    gl.uniform1f(at.cutHeight, Math.min(options.cut, 1e9));
    gl.uniform1f(at.skirting, scene.floor + 0.25);
    gl.uniform1f(at.pixel, 2 * Math.tan(HALF_VIEW) / Math.min(this.canvas.width, this.canvas.height) * scale);
    gl.uniform1i(at.surroundings, options.surroundings);
    gl.uniform1i(at.seeThrough, options.seeThrough);
    gl.bindVertexArray(this.cubeArray.array);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 18, scene.count);

    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.DEPTH_TEST);
    this.target.textures.forEach((texture, i) => {
      gl.activeTexture(gl.TEXTURE0 + i);
      gl.bindTexture(gl.TEXTURE_2D, texture);
    });
    at = this.screen.at;
    gl.useProgram(this.screen.program);
    ["colors", "owners", "depths"].forEach((name, i) => gl.uniform1i(at[name], i));
    gl.uniform3fv(at.ground, theme.ground);
    gl.uniform3fv(at.accent, theme.accent);
    gl.uniform1f(at.near, near);
    gl.uniform1f(at.far, far);
    gl.uniform1f(at.pixels, scale);
    gl.uniform1i(at.chosen, this.chosen);
    gl.uniform1i(at.hovered, this.hovered);
    gl.bindVertexArray(this.emptyArray);
    gl.drawArrays(gl.TRIANGLES, 0, 3);

    if (this.lineArray.count) {
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
      gl.useProgram(this.lines.program);
      gl.uniformMatrix4fv(this.lines.at.viewProjection, false, m);
      gl.uniform2f(this.lines.at.size, this.canvas.width, this.canvas.height);
      gl.uniform1f(this.lines.at.width, 1.6 * scale);
      gl.uniform1i(this.lines.at.depths, 2);
      gl.bindVertexArray(this.lineArray.array);
      gl.drawArraysInstanced(gl.TRIANGLES, 0, 6, this.lineArray.count);
    }
    this.afterDraw();
    if (this.moving) this.time(began);
  }

  time(began) {  // reading a pixel waits for the drawing, which is what takes the time
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
    if (performance.now() - began > 45) this.slow = true;
  }

  pick(x, y) {  // the object drawn at these CSS pixels, 0 for none
    const pixel = this.read(x, y, 1);
    return pixel[0] + 256 * pixel[1];
  }

  cubeAt(x, y) {  // the cube drawn at these CSS pixels, -1 for none
    const pixel = this.read(x, y, 2);
    return pixel[3] ? pixel[0] + 256 * pixel[1] + 65536 * pixel[2] : -1;
  }

  placeOf(cube) {  // its centre, metres
    const { origin, step, positions } = this.scene;
    return origin.map((v, i) => v + step * positions[3 * cube + i]);
  }

  read(x, y, attachment) {
    const { gl, canvas } = this, pixel = new Uint8Array(4), scale = canvas.width / canvas.clientWidth;
    if (!this.target) return pixel;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.frame);
    gl.readBuffer(gl.COLOR_ATTACHMENT0 + attachment);
    gl.readPixels(Math.floor(x * scale), canvas.height - 1 - Math.floor(y * scale), 1, 1,
      gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return pixel;
  }

  orbit(dx, dy) {  // radians
    this.camera.azimuth -= dx;
    this.camera.elevation = Math.max(-0.3, Math.min(1.56, this.camera.elevation + dy));
    this.redraw();
  }

  pan(dx, dy) {  // CSS pixels
    const [right, up] = this.axes();
    const meters = this.camera.distance * 2 * Math.tan(HALF_VIEW) / Math.min(this.canvas.clientHeight, this.canvas.clientWidth);
    this.camera.target = this.camera.target.map((v, i) => v + meters * (dy * up[i] - dx * right[i]));
    this.redraw();
  }

  zoom(factor) {
    const distance = this.camera.distance * factor;
    this.camera.distance = Math.max(0.3, Math.min(this.radius * 8, distance));
    this.redraw();
  }

  fly(goal) {  // to part of a camera, in a quarter of a second
    const from = { ...this.camera }, to = { ...this.camera, ...goal };
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches, began = performance.now();
    const mix = (a, b, t) => Array.isArray(a) ? a.map((v, i) => v + (b[i] - v) * t) : a + (b - a) * t;
    const frame = (now) => {
      const t = still ? 1 : Math.min(1, Math.max(0, now - began) / 250), eased = t * t * (3 - 2 * t);
      for (const key in to) this.camera[key] = mix(from[key], to[key], eased);
      this.draw();
      if (t < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }
}
