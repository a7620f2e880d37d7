export const sessionProxy = {
  name: "0009_session_proxy",
  statements: [`ALTER TABLE session ADD COLUMN proxy TEXT`],
};
