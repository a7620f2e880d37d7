/**
 * Messages and chats in the order of time, and a word index. `position` sorts by time: of a received message it is the id
 * without its prefix, of a sent one the time of the attempt and the end of the id. `words` are tokens of what the message
 * says, as a JSON list; the triggers keep the index as the messages are, whatever changes or deletes them.
 */
export const read = {
  name: "0023_read",
  statements: [
    `ALTER TABLE message ADD COLUMN position TEXT NOT NULL DEFAULT ''`,
    // api, phone or device; null for messages of others, and of the account itself before this migration.
    `ALTER TABLE message ADD COLUMN origin TEXT`,
    `ALTER TABLE message ADD COLUMN words TEXT`,
    `UPDATE message SET position = substr(id, 5)`,
    `CREATE INDEX message_position ON message (session_id, position)`,
    `CREATE INDEX message_chat ON message (session_id, conversation_id, position)`,
    `CREATE TABLE word (
      session_id TEXT NOT NULL,
      token TEXT NOT NULL,
      position TEXT NOT NULL,
      PRIMARY KEY (session_id, token, position)
    ) WITHOUT ROWID`,
    `CREATE TRIGGER words_added AFTER INSERT ON message WHEN NEW.words IS NOT NULL BEGIN
      INSERT OR IGNORE INTO word (session_id, token, position)
        SELECT NEW.session_id, value, NEW.position FROM json_each(NEW.words);
    END`,
    `CREATE TRIGGER words_changed AFTER UPDATE OF words, position ON message
      WHEN OLD.words IS NOT NEW.words OR OLD.position <> NEW.position BEGIN
      DELETE FROM word WHERE session_id = OLD.session_id AND position = OLD.position
        AND token IN (SELECT value FROM json_each(OLD.words));
      INSERT OR IGNORE INTO word (session_id, token, position)
        SELECT NEW.session_id, value, NEW.position FROM json_each(NEW.words);
    END`,
    // A logout deletes all words first: then one look is enough for each message.
    `CREATE TRIGGER words_deleted AFTER DELETE ON message
      WHEN OLD.words IS NOT NULL AND EXISTS (SELECT 1 FROM word WHERE session_id = OLD.session_id) BEGIN
      DELETE FROM word WHERE session_id = OLD.session_id AND position = OLD.position
        AND token IN (SELECT value FROM json_each(OLD.words));
    END`,
    // person or group; null until the chat has a message.
    `ALTER TABLE conversation ADD COLUMN kind TEXT`,
    // The position of its latest message; null: it has none, or became part of another chat.
    `ALTER TABLE conversation ADD COLUMN latest TEXT`,
    `UPDATE conversation SET latest = (SELECT max(position) FROM message
      WHERE message.session_id = conversation.session_id AND conversation_id = conversation.id)`,
    // Somebody else than the chat's own person writes in groups only.
    `UPDATE conversation SET kind = CASE WHEN EXISTS (SELECT 1 FROM message
      WHERE message.session_id = conversation.session_id AND conversation_id = conversation.id AND author <> conversation.id)
      THEN 'group' ELSE 'person' END WHERE latest IS NOT NULL`,
    `CREATE INDEX conversation_latest ON conversation (session_id, latest) WHERE latest IS NOT NULL`,
    `CREATE INDEX conversation_kind ON conversation (session_id, kind, latest) WHERE latest IS NOT NULL`,
  ],
};
