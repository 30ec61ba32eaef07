// SCIMMY with a plain store in memory: it keeps what the library hands it and
// leaves everything else to the library. It listens on 127.0.0.1, on the port
// given as its argument, until its input ends.
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

let serial = 0;

const store = () => {
  const all = new Map();
  return {
    egress: resource => {
      if (resource.id) {
        if (!all.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
        return structuredClone(all.get(resource.id));
      }
      const found = [...all.values()].map(x => structuredClone(x));
      return resource.filter ? resource.filter.match(found) : found;
    },
    ingress: (resource, data) => {
      const plain = JSON.parse(JSON.stringify(data));
      const old = resource.id ? all.get(resource.id) : undefined;
      if (resource.id && !old) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
      const name = plain.userName?.toLowerCase();
      for (const x of all.values()) {
        if (name && x.id !== resource.id && x.userName?.toLowerCase() === name) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
      }
      const id = resource.id ?? `r${++serial}`;
      const now = new Date().toISOString();
      const kept = { ...plain, id, meta: { created: old?.meta.created ?? now, lastModified: now } };
      all.set(id, kept);
      return structuredClone(kept);
    },
    degress: resource => {
      if (!all.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
    },
  };
};

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
SCIMMY.Resources.declare(SCIMMY.Resources.User, store());
SCIMMY.Resources.declare(SCIMMY.Resources.Group, store());

const app = express();
app.use("/scim", new SCIMMYRouters({
  type: "bearer",
  handler: request => {
    if (request.header("Authorization") !== "Bearer corpus-token") throw new Error("Authorization not detected!");
  },
}));
app.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
process.stdin.resume().on("end", () => process.exit(0));
