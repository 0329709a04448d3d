// What an operator can do to the robot: the writes of agents/script/operation.py, whose constants these are.

export const STOP_SLOTS = ["joints", "icub/target"];
export const STOP_PRIORITY = 1e6;
export const PAUSE_PRIORITY = 100.0;
export const ACT_PRIORITY = 10.0;
export const ACT_VALIDITY = 5.0;
export const RENEW_PRIORITY = 20.0;
export const RENEW_VALIDITY = 10.0;
export const RENEWED = [0, 80, 0, 50, 0, 0, 80, 0, 50, 0, 0, 0, 0];
export const CONFIRM_VALIDITY = 1.0;

const PAUSE_SLOT = "joints";

/** Does all of some acts, whatever becomes of each; gives the messages of those that failed. */
async function all(acts) {
  const answers = await Promise.all(acts);
  return answers.filter((answer) => !answer.ok).map((answer) => answer.message);
}

/** The actions, on the api that a panel gets. */
export function operation(api) {
  const put = (slot, value, rest) => api.write(slot, value, rest);
  return {
    confirm: (who) => all([put("confirm", who, { validity: CONFIRM_VALIDITY })]),
    switchTo: (mode) => all([put("mode", mode)]),
    forget: () => all([put("memory/command", { do: "forget" })]),
    undo: () => all([put("memory/command", { do: "undo" })]),
    save: (path) => all([put("memory/command", { do: "save", path })]),
    load: (path) => all([put("memory/command", { do: "load", path })]),
    take: (latent) => all([put("act", latent, { priority: ACT_PRIORITY, validity: ACT_VALIDITY })]),
    renew: () => all([put(PAUSE_SLOT, RENEWED, { priority: RENEW_PRIORITY, validity: RENEW_VALIDITY }), put("icub/renew", "all", { validity: ACT_VALIDITY })]),
    pause: () => all([put(PAUSE_SLOT, null, { priority: PAUSE_PRIORITY })]),
    resume: () => all([api.delete(PAUSE_SLOT, { priority: PAUSE_PRIORITY })]),
    stop: () => all(STOP_SLOTS.map((slot) => put(slot, null, { priority: STOP_PRIORITY }))),
    // The robot's own slot first: no target gets as far as the motor while that is held.
    release: async () => {
      const failed = [];
      for (const slot of STOP_SLOTS.toReversed()) failed.push(...(await all([api.delete(slot, { priority: STOP_PRIORITY })])));
      return failed;
    },
  };
}

const holds = (row, priority) => row?.none === true && Number(row.priority) >= priority;

/** Whether the row of a stop slot says that an emergency stop holds it. */
export const isHeld = (api, slot) => holds(api.row(slot), STOP_PRIORITY);
export const isStopped = (api) => STOP_SLOTS.every((slot) => isHeld(api, slot));
export const isPaused = (api) => holds(api.row(PAUSE_SLOT), PAUSE_PRIORITY);
