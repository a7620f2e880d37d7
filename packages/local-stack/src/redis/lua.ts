// @ts-expect-error the package has no types
import fengari from "fengari";
import type { Outcome } from "./engine.ts";

const { lua, lauxlib, lualib, to_luastring } = fengari;

type State = object;

/** Runs Redis scripts. */
export interface Lua {
  run(script: string, keys: string[], args: string[]): Promise<unknown>;
}

/** As in Redis, globals do not survive a run. */
const prelude = `
  redis.error_reply = function(text) return { err = text } end
  redis.status_reply = function(text) return { ok = text } end
  unpack = table.unpack
  KEYS, ARGV = {}, {}
  setmetatable(_G, { __newindex = function(_, name)
    error("Script attempted to create global variable '" .. tostring(name) .. "'", 2)
  end })
`;

const [keysName, argvName, errName, okName] = ["KEYS", "ARGV", "err", "ok"].map((name) => to_luastring(name));

/** Makes one interpreter for all scripts. Each script is compiled once, and one script runs at a time. */
export function openLua(command: (command: string[]) => Outcome | Promise<Outcome>): Lua {
  const main: State = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(main);
  let outcome: Outcome | Promise<Outcome> = { result: null };

  /** A function of Lua that runs a command. It pauses the script if the command has no result yet. */
  function caller(isProtected: boolean) {
    const finish = (state: State): number => {
      lua.lua_settop(state, 0);
      const { result, error } = outcome as { result?: unknown; error?: string };
      if (error === undefined) push(state, result);
      else if (isProtected) pushError(state, error);
      else {
        push(state, error);
        return lua.lua_error(state);
      }
      return 1;
    };
    return (state: State): number => {
      outcome = command(argumentsOf(state));
      return outcome instanceof Promise ? lua.lua_yieldk(state, 0, 0, finish) : finish(state);
    };
  }

  lua.lua_createtable(main, 0, 4);
  for (const [name, isProtected] of [
    ["call", false],
    ["pcall", true],
  ] as const) {
    lua.lua_pushcfunction(main, caller(isProtected));
    lua.lua_setfield(main, -2, to_luastring(name));
  }
  lua.lua_setglobal(main, to_luastring("redis"));
  if (lauxlib.luaL_dostring(main, to_luastring(prelude)) !== lua.LUA_OK) throw failure(main);
  /** References to compiled scripts in Lua's registry. */
  const references = new Map<string, number>();

  function compiled(script: string): number {
    const known = references.get(script);
    if (known !== undefined) return known;
    if (lauxlib.luaL_loadstring(main, to_luastring(script)) !== lua.LUA_OK) throw failure(main);
    const reference: number = lauxlib.luaL_ref(main, lua.LUA_REGISTRYINDEX);
    references.set(script, reference);
    return reference;
  }

  return {
    async run(script, keys, args) {
      const reference = compiled(script);
      push(main, keys);
      lua.lua_setglobal(main, keysName);
      push(main, args);
      lua.lua_setglobal(main, argvName);
      const thread: State = lua.lua_newthread(main);
      lua.lua_settop(main, 0);
      lua.lua_rawgeti(thread, lua.LUA_REGISTRYINDEX, reference);
      let status = lua.lua_resume(thread, main, 0);
      while (status === lua.LUA_YIELD) {
        outcome = await outcome;
        status = lua.lua_resume(thread, main, 0);
      }
      if (status !== lua.LUA_OK) throw failure(thread);
      return lua.lua_gettop(thread) === 0 ? null : read(thread, 1);
    },
  };
}

function argumentsOf(state: State): string[] {
  return Array.from({ length: lua.lua_gettop(state) }, (_, i) =>
    lua.lua_type(state, i + 1) === lua.LUA_TNUMBER
      ? String(lua.lua_tonumber(state, i + 1))
      : (lua.lua_tojsstring(state, i + 1) ?? ""),
  );
}

function pushError(state: State, error: string): void {
  lua.lua_createtable(state, 0, 1);
  push(state, error);
  lua.lua_setfield(state, -2, errName);
}

function failure(state: State): Error {
  const text: string | null = lua.lua_tojsstring(state, -1);
  lua.lua_settop(state, 0);
  return new Error(text ?? "ERR the script failed");
}

/** A reply as scripts get it: nil becomes false. */
function push(state: State, value: unknown): void {
  if (value === null || value === undefined || value === false) return lua.lua_pushboolean(state, false);
  if (value === true) return lua.lua_pushinteger(state, 1);
  if (typeof value === "number") return lua.lua_pushnumber(state, value);
  if (typeof value === "string") return lua.lua_pushstring(state, to_luastring(value));
  if (value instanceof Uint8Array) return lua.lua_pushstring(state, value);
  // ioredis-mock answers HGETALL with an object; Redis answers a list.
  const list: unknown[] = Array.isArray(value) ? value : Object.entries(value).flat();
  lua.lua_createtable(state, list.length, 0);
  list.forEach((item, i) => {
    push(state, item);
    lua.lua_rawseti(state, -2, i + 1);
  });
}

/** Makes a reply of a script's result, as Redis does: numbers become integers, and a list ends at its first nil. */
function read(state: State, index: number): unknown {
  switch (lua.lua_type(state, index)) {
    case lua.LUA_TNUMBER:
      return Math.trunc(lua.lua_tonumber(state, index));
    case lua.LUA_TSTRING:
      return lua.lua_tojsstring(state, index);
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(state, index) ? 1 : null;
    case lua.LUA_TTABLE:
      return readTable(state, index);
    default:
      return null;
  }
}

function readTable(state: State, index: number): unknown {
  for (const name of [errName, okName]) {
    const type: number = lua.lua_getfield(state, index, name);
    const text: string | null = lua.lua_tojsstring(state, -1);
    lua.lua_settop(state, -2);
    if (type !== lua.LUA_TSTRING) continue;
    if (name === errName) throw new Error(text ?? "");
    return text;
  }
  const list: unknown[] = [];
  for (;;) {
    const type: number = lua.lua_rawgeti(state, index, list.length + 1);
    if (type === lua.LUA_TNIL) break;
    list.push(read(state, lua.lua_gettop(state)));
    lua.lua_settop(state, -2);
  }
  lua.lua_settop(state, -2);
  return list;
}
