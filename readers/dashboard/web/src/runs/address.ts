// What the address says of the runs page: the view, the chosen runs, and the charts' own part of it.

import { replaceParams, type PageLocation } from "../router";
import { Selection } from "./selection";
import { readView, writeView, type View } from "./view";

export class Address {
  view: View;
  params: URLSearchParams;
  readonly selection: Selection;

  constructor(location: PageLocation) {
    this.params = location.params;
    this.view = readView(location.params);
    this.selection = new Selection(this.view.chosen);
  }

  change(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.write();
  }

  /** The view and the chosen runs as they are now; what `params` has beside them stays. */
  write(params = this.params): void {
    this.params = writeView({ ...this.view, chosen: this.selection.list }, params);
    replaceParams(this.params);
  }
}
