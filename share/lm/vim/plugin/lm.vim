" Completion at the cursor by lm-fim: mappings, commands and events. What they do is in autoload/lm.vim; see :help lm.
if exists('g:loaded_lm') || !has('eval')
  finish
endif
let g:loaded_lm = 1
if !has('nvim') && !(has('job') && has('channel') && has('timers'))
  finish
endif

highlight default link LmGhost NonText

inoremap <silent> <Plug>(lm-complete) <C-R>=lm#complete()<CR>
inoremap <silent> <Plug>(lm-dismiss) <C-R>=lm#dismiss()<CR>
inoremap <silent><expr> <Plug>(lm-accept) lm#accept('')
command! -bar LmStop call lm#stop()

" A key that has a mapping already keeps it: the user's takes precedence.
if get(g:, 'lm_fim_complete_key', '<C-B>') !=# '' && maparg(get(g:, 'lm_fim_complete_key', '<C-B>'), 'i') ==# ''
  execute 'imap <silent>' get(g:, 'lm_fim_complete_key', '<C-B>') '<Plug>(lm-complete)'
endif
if get(g:, 'lm_fim_accept_key', '<Tab>') !=# '' && maparg(get(g:, 'lm_fim_accept_key', '<Tab>'), 'i') ==# ''
  let s:key = get(g:, 'lm_fim_accept_key', '<Tab>')
  " If there is nothing to accept, the key types itself.
  execute 'inoremap <silent><expr>' s:key 'lm#accept("' . substitute(s:key, '<', '\\<lt>', 'g') . '")'
endif

augroup lm
  autocmd!
  autocmd TextChangedI,TextChangedP,CursorMovedI * call lm#changed()
  autocmd InsertLeave,BufLeave * call lm#dismiss()
augroup END
